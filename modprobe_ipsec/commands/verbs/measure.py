# SPDX-License-Identifier: GPL-3.0-or-later
"""--measure: how fast packets go through what is needed, on this kernel and CPU."""

from modprobe_ipsec.base.annotations import Callable, Iterable, Mapping, Sequence
from modprobe_ipsec.base.errors import Error, UsageError
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog, Family
from modprobe_ipsec.commands import engine
from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.output import complain
from modprobe_ipsec.commands.reporting import make_report, put_report
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.diagnose.resolution import LoadFailure
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.gather import refresh
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.kernel import child
from modprobe_ipsec.kernel.prover import prove
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed, Need
from modprobe_ipsec.needs.proof import Answer, Proof, Proofs
from modprobe_ipsec.needs.speed import Clear, Measured, Speed
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.plan import LoadResult, Plan
from modprobe_ipsec.plan.planner import make_plan
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from modprobe_ipsec.report.measure import MeasureReport
from modprobe_ipsec.report.model import Action, Report
from modprobe_ipsec.report.words import because

# What has no way to say it.
_FORMATS = ("text", "json")
# How long one need may take (seconds): the first SA of an algorithm waits for self-tests.
_TIMEOUT = 30.0


def run(arguments: Arguments) -> int:
    """0 if every need was measured, 3 if one was not."""
    if arguments.value("--format") not in _FORMATS:
        raise UsageError(f"--measure goes with --format {' or '.join(_FORMATS)}", "")
    act = _only_what_is_there if arguments.has("--check") else _before_and_after_a_load
    report, _ = make_report(Action.MEASURE, arguments, act)
    return put_report(report, arguments)


class _Found(Value):
    """What came of one measuring."""

    # Of each need of which the kernel took the SA.
    measured: Mapping[AnyNeed, Measured]
    clear: tuple[Clear, ...]
    proofs: Proofs


def _measure(needs: Sequence[Need], on_progress: Callable[[int, int], None]) -> _Found:
    """Measure these; the kernel may load modules by itself."""
    # costs pyroute2
    from modprobe_ipsec.lab.measure import ask

    clear: list[Clear] = []
    heard: dict[int, Measured] = {}

    def hear(message: child.Message) -> None:
        match message:
            case {"clear": family, "speeds": speeds}:
                clear.append(Clear(Family(family), _speeds(speeds)))
            case {"measured": number, "speeds": speeds, "why": why}:
                heard[number] = Measured(needs[number], _speeds(speeds), why=why)

    proofs = prove(needs, on_progress=on_progress, timeout=_TIMEOUT, ask=ask, hear=hear)
    measured = {
        proof.need: heard[number]._replace(driver=proof.driver)
        for number, proof in enumerate(proofs.proofs)
        if number in heard
    }
    return _Found(measured, tuple(clear), proofs)


def _speeds(told: Iterable[tuple[int, Sequence[float]]]) -> tuple[Speed, ...]:
    return tuple(Speed(size, tuple(rounds)) for size, rounds in told)


def _only_what_is_there(
    demand: Demand,
    facts: Facts,
    host: Host,
    catalog: Catalog,
    on_progress: Callable[[int, int], None],
) -> Report:
    """Nothing is loaded, by nobody: needs that lack something are left out."""
    if lacking := _would_load([_NETWORK], facts, catalog):
        raise Error(
            f"the kernel would have to load {', '.join(lacking)}",
            "--measure without --check lets it",
        )
    needs = _needs(demand)
    plan = make_plan(needs, facts, catalog)
    there = [f.need for f in plan.forecasts if f.verdict in (Verdict.READY, Verdict.SLOW)]
    found = _measure([need for need in needs if need in there], on_progress)
    return _report(demand, facts, plan, plan, found)


def _before_and_after_a_load(
    demand: Demand,
    facts: Facts,
    host: Host,
    catalog: Catalog,
    on_progress: Callable[[int, int], None],
) -> Report:
    """As a run without --measure loads; what works before, but more slowly, is measured then, too.

    Without permission to load, the kernel may do so by itself.
    """
    needs = _needs(demand)
    plan = make_plan(needs, facts, catalog)
    by_itself: list[AnyNeed] = [_NETWORK] if facts.may_load else [*needs, _NETWORK]
    if lacking := _would_load(by_itself, facts, catalog):
        complain(f"the kernel will load by itself what is missing: {', '.join(lacking)}")
    before: Mapping[AnyNeed, Measured] = {}
    results: tuple[LoadResult, ...] = ()
    tried: Mapping[str, LoadFailure] = {}
    first = facts
    if plan.steps and facts.may_load:
        from modprobe_ipsec.kernel.load import carry_out

        slow = {f.need for f in plan.forecasts if f.verdict is Verdict.SLOW}
        if slow:
            before = _measure([need for need in needs if need in slow], on_progress).measured
        engine.clean_environment()
        loads = carry_out(plan, needs, facts, host, catalog)
        results, first, tried = loads.results, loads.facts, loads.tried
    found = _measure(needs, on_progress)
    now = refresh(first, host)
    final = make_plan(needs, now, catalog, tried)
    return _report(demand, now, plan, final, found, before, results)


def _report(
    demand: Demand,
    facts: Facts,
    plan: Plan,
    final: Plan,
    found: _Found,
    before: Mapping[AnyNeed, Measured] | None = None,
    loads: tuple[LoadResult, ...] = (),
) -> Report:
    by_need: dict[AnyNeed, Proof] = {proof.need: proof for proof in found.proofs.proofs}
    verdicts = judge(final, by_need, loaded=True)
    all_of = tuple(
        found.measured.get(judged.need) or Measured(judged.need, why=_why_not(judged))
        for judged in verdicts
    )
    return Report(
        Action.MEASURE,
        facts,
        verdicts,
        plan,
        demand,
        loads,
        found.proofs.loaded,
        found.proofs.socket_in_words,
        measured=MeasureReport(all_of, found.clear, before or {}),
    )


def _why_not(judged: NeedVerdict) -> str:
    """Why nothing could be measured: what kept us from asking comes before what might be loaded."""
    proof, could = judged.proof, (Verdict.LOADABLE, Verdict.SLOW, Verdict.READY)
    unasked = proof is not None and proof.answer is Answer.NOT_ASKED and judged.verdict in could
    return (proof.why if proof and unasked else "") or because(judged)


# What the network of the lab takes besides.
_NETWORK = FeatureNeed("veth", None)


def _needs(demand: Demand) -> tuple[Need, ...]:
    """Those through which packets go."""
    return tuple(need for need in demand.needs if isinstance(need, Need))


def _would_load(needs: Sequence[AnyNeed], facts: Facts, catalog: Catalog) -> tuple[str, ...]:
    """Modules that are missing; what only makes it faster is not."""
    steps = make_plan(needs, facts, catalog).steps
    wanted = (s for s in steps if not s.accelerator)
    return tuple(dict.fromkeys(m for step in wanted for m in (*step.dependencies, step.module)))
