# SPDX-License-Identifier: GPL-3.0-or-later
"""A file for the textfile collector of Prometheus' node_exporter.

source: prometheus.io, "Exposition formats" (the text format) and "Metric and label naming"
"""

from modprobe_ipsec.base.annotations import Iterable, Iterator, Mapping, Sequence
from modprobe_ipsec.base.errors import Error
from modprobe_ipsec.base.text import name as shown
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.diagnose.resolution import ResolutionState
from modprobe_ipsec.needs.need import AnyNeed, Need
from modprobe_ipsec.plan.causes import connections
from modprobe_ipsec.plan.verdict import Verdict
from modprobe_ipsec.report.model import Report, Run, Style
from modprobe_ipsec.report.words import count

SUMMARY = "for Prometheus: a file for the textfile collector of its node_exporter"

UTF_8 = True
_PREFIX = "modprobe_ipsec"
# Pairs of a need and a connection that get series of their own; the rest of a need is one.
_PAIRS = 400
_Labels = tuple[tuple[str, str], ...]


class _Metric(Value):
    """One family of series."""

    name: str
    help: str
    series: Mapping[_Labels, float]
    type: str = "gauge"


def render(report: Report, style: Style) -> str:
    """All metrics, each with its help and type, in a fixed order."""
    return _text((*_of_run(report.run, success=True), *_metrics(report)))


def failure(error: Error, run: Run) -> str:
    """That there is nothing to tell, so that somebody is told."""
    return _text(_of_run(run, success=False))


def _of_run(run: Run, *, success: bool) -> Iterator[_Metric]:
    version = (("version", run.version),)
    yield _Metric("build_info", "The version of modprobe-ipsec.", {version: 1})
    yield _Metric("success", "Whether a report could be made.", {(): success})
    yield _Metric("run_timestamp_seconds", "When the run began.", {(): run.began})
    yield _Metric("run_duration_seconds", "How long it took to find out.", {(): run.seconds})


def _metrics(report: Report) -> Iterator[_Metric]:
    facts, verdicts = report.facts, report.verdicts
    release, fips = ("release", facts.release), ("fips", str(facts.fips).lower())
    yield _Metric("kernel_info", "The kernel.", {(release, ("arch", facts.arch), fips): 1})
    yield _Metric("exit_status", "0 ready, 1 not yet, 2 cannot be met, 3 cannot tell.",
                  {(): report.exit_code})  # fmt: skip
    totals: dict[_Labels, float] = {
        (("verdict", verdict),): float(sum(judged.verdict is verdict for judged in verdicts))
        for verdict in Verdict
    }
    yield _Metric("needs", "Needs by their verdict.", totals)
    states = dict(_needs(report))
    help = "Whether a need of a connection has this verdict."
    yield _Metric("need_verdict", help, _each(states, "verdict", tuple(Verdict)))
    help = "Whether a module, or what answers a request, is in this state."
    yield _Metric("module_state", help, _each(_modules(report), "state", tuple(ResolutionState)))
    found = count(report.demand)
    asking = found.all - found.lost - found.silent
    named = {"asking": asking, "silent": found.silent, "left_out": found.lost}
    conns: dict[_Labels, float] = {
        (("state", state),): float(number) for state, number in named.items()
    }
    yield _Metric("connections", "Connections of the configurations, by what they ask.", conns)
    problems: dict[_Labels, float] = {(): float(len(report.demand.problems))}
    yield _Metric("problems", "What a configuration has that cannot be followed.", problems)
    counters: dict[_Labels, float] = {}
    settings: dict[_Labels, float] = {}
    for sign in facts.stack_signs:
        if sign.path.endswith("/xfrm_stat"):
            counters.update({(("counter", name),): value for name, value in sign.values})
        else:
            settings.update({(("name", name),): value for name, value in sign.values})
    help = "Packets that XFRM dropped, from /proc/net/xfrm_stat."
    yield _Metric("xfrm_stat_total", help, counters, "counter")
    yield _Metric("xfrm_sysctl", "Settings of XFRM, from /proc/sys/net/core.", settings)


def _needs(report: Report) -> Iterator[tuple[_Labels, str]]:
    """The verdict by need, daemon and connection."""
    left = _PAIRS
    for judged in report.verdicts:
        need = judged.need
        daemons = dict.fromkeys(source.daemon or "" for source in need.sources)
        pairs = [(daemon or "", conn) for daemon, conn in connections(need.sources)]
        whole = [(",".join(filter(None, daemons)), "")]
        taken = pairs[: max(left, 0)]
        left -= len(taken)
        for daemon, conn in taken if len(taken) == len(pairs) > 0 else (*taken, *whole):
            yield _of_need(need, daemon, conn), judged.verdict


def _of_need(need: AnyNeed, daemon: str, conn: str) -> _Labels:
    sa = need.suite if isinstance(need, Need) else None
    choices = [choice for choice in (sa.encryption, sa.integrity) if choice] if sa else []
    transform = "+".join(choice.label for choice in choices)
    return (
        ("need", need.id),
        ("daemon", daemon),
        ("connection", shown(conn)),
        ("protocol", sa.protocol if sa else ""),
        ("family", need.family or ""),
        ("transform", transform),
    )


def _modules(report: Report) -> dict[_Labels, str]:
    """The state of each module; of a request that none is known for, that of its answer."""
    found: dict[_Labels, str] = {}
    for judged in report.verdicts:
        for resolution in judged.resolutions:
            request = "" if resolution.module else resolution.request
            found[(("module", resolution.module), ("request", request))] = resolution.state
    return found


def _each(states: Mapping[_Labels, str], label: str, values: Sequence[str]) -> dict[_Labels, float]:
    """A series for each state that there may be: 1 for the one that is, 0 for the others."""
    return {
        (*labels, (label, value)): float(value == state)
        for labels, state in states.items()
        for value in values
    }


def _text(metrics: Iterable[_Metric]) -> str:
    lines: list[str] = []
    for metric in metrics:
        if not metric.series:
            continue
        name = f"{_PREFIX}_{metric.name}"
        about = (("HELP", metric.help), ("TYPE", metric.type))
        lines += [f"# {what} {name} {said}" for what, said in about]
        # two labels that differ in what cannot be shown are one
        series = {_braces(labels): value for labels, value in metric.series.items()}
        lines += [f"{name}{labels} {_number(value)}" for labels, value in series.items()]
    return "".join(f"{line}\n" for line in lines)


def _braces(labels: _Labels) -> str:
    inner = ",".join(f'{key}="{_quoted(value)}"' for key, value in labels)
    return f"{{{inner}}}" if inner else ""


def _quoted(text: str) -> str:
    return shown(text).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}"
