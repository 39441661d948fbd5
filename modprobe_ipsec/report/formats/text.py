# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for people: the verdict in one line, the worst needs first, then what to do."""

from modprobe_ipsec.base.annotations import Iterable, Sequence
from modprobe_ipsec.base.text import first, line, name
from modprobe_ipsec.catalog.model import KernelInterface
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.host.facts import StackSign
from modprobe_ipsec.kernel.load import LoadOutcome, LoadResult
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed, Mode, Need
from modprobe_ipsec.plan.plan import Plan, Step
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from modprobe_ipsec.report import container
from modprobe_ipsec.report.model import Action, Report, Style
from modprobe_ipsec.report.table import table
from modprobe_ipsec.report.words import because, headline, in_words, log_lines

SUMMARY = "for people: the verdict, what stands in the way, and what to do"


# What no load can mend.
_UNMET = (Verdict.BLOCKED, Verdict.MISSING, Verdict.UNKNOWN)


def render(report: Report, style: Style) -> str:
    """The whole report; a quiet one has only what is not ready, a verbose one all evidence."""
    quiet, verbose = style.quiet, style.verbose
    lines = [] if quiet else [line(headline(report))]
    sections = []
    judgements = _worst_first(report.verdicts, quiet)
    if report.action is Action.DRY_RUN:
        sections.append(_plan(report.plan))
        judgements = [judgement for judgement in judgements if judgement.verdict in _UNMET]
    needs = table(_needs(judgements), colour=style.colour) if judgements else []
    sections.append(needs)
    sections.append(_to_do(judgements))
    if report.action is not Action.DRY_RUN:
        inside = None if quiet else container.look(report)
        sections.append(container.lines(inside) if inside else [])
    sections.append(_problems(report.demand))
    sections.append(_seal(report, quiet))
    if not quiet:
        sections.append(_loads(report.loads))
        sections.append(_autoloaded(report.autoloaded))
    if verbose:
        sections.append(_symptoms(report.verdicts))
        sections.append(_silent(report.demand))
        sections.append(_chain(report.verdicts))
    if verbose or (not quiet and report.action in (Action.CHECK, Action.PROVE)):
        sections.append(_stack(report))
    for section in sections:
        if section:
            # the colour of a table is ours
            clean = section if section is needs else [line(text) for text in section]
            lines += ["", *clean] if lines else clean
    return "\n".join(lines) + "\n" if lines else ""


def _worst_first(judgements: Iterable[NeedVerdict], quiet: bool) -> list[NeedVerdict]:
    order = list(Verdict)
    chosen = [j for j in judgements if not (quiet and j.verdict is Verdict.READY)]
    return sorted(chosen, key=lambda judgement: order.index(judgement.verdict))


def _needs(judgements: Iterable[NeedVerdict]) -> list[tuple[str, str, str, str]]:
    """One row for what differs only in family or ESN and has one verdict for one reason."""
    rows: dict[tuple[object, ...], list[NeedVerdict]] = {}
    for judgement in judgements:
        need = judgement.need
        what: tuple[object, ...] = (need.label,)
        if isinstance(need, Need):
            suite = need.suite
            what = (suite.protocol, need.mode, suite.encryption, suite.integrity, need.interface)
        key = (judgement.verdict, *what)
        reason = because(judgement) if judgement.verdict is not Verdict.READY else ""
        rows.setdefault((*key, reason), []).append(judgement)
    result = [("VERDICT", "NEED", "OVER", "BECAUSE")]
    for group in rows.values():
        first = group[0]
        over = _over([judgement.need for judgement in group])
        result.append((first.verdict, _name(first.need), over, because(first)))
    return result


def _name(need: AnyNeed) -> str:
    if isinstance(need, FeatureNeed):
        return need.feature
    mode = "" if need.mode is Mode.TUNNEL else f" {need.mode}"
    protocol, space, rest = need.suite.label.removesuffix(" ESN").partition(" ")
    way = "" if need.interface is KernelInterface.XFRM else " by PF_KEY"
    return f"{protocol}{mode}{space}{rest}{way}"


def _over(needs: Sequence[AnyNeed]) -> str:
    families = dict.fromkeys(need.family.label for need in needs if need.family)
    esn = {need.suite.esn for need in needs if isinstance(need, Need)}
    suffix = {(True,): " with ESN", (False, True): " with and without ESN"}
    return ", ".join(families) + suffix.get(tuple(sorted(esn)), "")


def _to_do(judgements: Iterable[NeedVerdict]) -> list[str]:
    remedies: dict[str, None] = {}
    for judgement in judgements:
        remedies |= dict.fromkeys(reason.remedy for reason in judgement.reasons if reason.remedy)
    return ["what to do:", *(f"  {remedy}" for remedy in remedies)] if remedies else []


def _plan(plan: Plan) -> list[str]:
    lines: list[str] = []
    for number, steps in enumerate(plan.rounds, 1):
        if number == 2:
            lines += ["", "then, as far as the kernel still needs it after a new look:"]
        lines += table([_step(step) for step in steps], colour=False, indent="  ")
    if any(step.accelerator for step in plan.steps):
        lines += ["", "Where this CPU's own code registers less than expected, more will follow."]
    return ["to load, in this order:", *lines] if lines else ["nothing to load"]


def _step(step: Step) -> tuple[str, str, str]:
    modules = ", ".join(step.dependencies)
    if step.soft_dependencies:
        soft = f"by softdep {', '.join(step.soft_dependencies)}"
        modules = f"{modules}; {soft}" if modules else soft
    along = f" (with {modules})" if modules else ""
    serves = f"for {step.needs[0]}" + (f" and {len(step.needs) - 1} more" * (len(step.needs) > 1))
    return step.module + along, step.why, serves


def _loads(results: Iterable[LoadResult]) -> list[str]:
    rows = []
    for result in results:
        # An accelerator that this CPU lacks is normal.
        if result.outcome is LoadOutcome.NO_DEVICE:
            continue
        modules = ", ".join(result.loaded) or result.step.module
        rows.append((result.outcome, modules, result.why or result.step.why))
    return ["modules:", *table(rows, colour=False, indent="  ")] if rows else []


def _autoloaded(modules: Sequence[str]) -> list[str]:
    if not modules:
        return []
    return ["loaded by the kernel itself while it was asked:", f"  {', '.join(modules)}"]


def _problems(wanted: Demand) -> list[str]:
    """What costs a connection is said even in silence: it is not in the verdict."""
    problems, more = first(wanted.problems)
    lines = [f"  {in_words(problem)}" for problem in problems]
    return ["configuration:", *lines, *_more(more)] if lines else []


def _seal(report: Report, quiet: bool) -> list[str]:
    sealed = report.sealed
    if not sealed or (sealed.done and quiet):
        return []
    return [sealed.text, *([f"  {sealed.remedy}"] if sealed.remedy else [])]


def _symptoms(judgements: Iterable[NeedVerdict]) -> list[str]:
    """The log lines that a user has in hand who comes here because something failed."""
    found = {
        (reason.symptom.errno, log_lines(judgement, reason.symptom)): None
        for judgement in judgements
        for reason in judgement.reasons
        if reason.symptom
    }
    lines: list[str] = []
    for errno, logged in found:
        lines.append(f"  errno {errno}")
        lines += [f"    {DAEMONS[daemon].program}: {said}" for daemon, said in logged]
    return ["what kernel and daemon say in that case:", *lines] if lines else []


def _silent(wanted: Demand) -> list[str]:
    found, more = first(wanted.silent)
    lines = [f"  {silent.place} {name(silent.conn)}: {silent.why}" for silent in found]
    return ["asks the kernel for nothing:", *lines, *_more(more)] if lines else []


def _more(number: int) -> list[str]:
    return [f"  and {number} more"] if number else []


def _chain(judgements: Iterable[NeedVerdict]) -> list[str]:
    """Where each need comes from and which requests it makes."""
    lines: list[str] = []
    for judgement in judgements:
        lines.append(judgement.need.label)
        sources, more = first(judgement.need.sources)
        lines += [f"  from {s.where}: {s.text}".rstrip(": ") for s in sources]
        lines += _more(more)
        if isinstance(judgement.need, Need) and judgement.need.suite.crypto_name:
            lines.append(f"  the kernel builds {judgement.need.suite.crypto_name}")
        steps = judgement.proof.steps if judgement.proof else ()
        said = [(step.name, step.seen if step.held else f"failed: {step.seen}") for step in steps]
        lines += table(said, colour=False, indent="    ") if said else []
        rows = [(f.request, f.state, f.module, f.evidence) for f in judgement.resolutions]
        lines += table(rows, colour=False, indent="    ") if rows else []
    return lines


def _is_sysctl(witness: StackSign) -> bool:
    return witness.path.startswith("proc/sys/net/core/")


def _stack(report: Report) -> list[str]:
    rows = [(f"/{w.path}", w.shows) for w in report.facts.stack_signs if not _is_sysctl(w)]
    values = [witness.shows for witness in report.facts.stack_signs if _is_sysctl(witness)]
    if values:
        rows.append(("/proc/sys/net/core/xfrm_*", ", ".join(dict.fromkeys(values))))
    if report.xfrm_socket:
        rows.append(("NETLINK_XFRM socket", report.xfrm_socket))
    gaps, more = first(report.facts.unreadable)
    rows += [(f"/{gap.path}", f"not read: {gap.why}") for gap in gaps]
    lines = table(rows, colour=False, indent="  ") if rows else []
    return ["the stack itself:", *lines, *_more(more)] if rows else []
