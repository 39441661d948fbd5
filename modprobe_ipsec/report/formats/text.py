# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for people: what was read, what stands in the way, the worst first, and what to do."""

from modprobe_ipsec.base.annotations import Iterable, Sequence
from modprobe_ipsec.base.text import name
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.plan.causes import Cause, causes, connections, connections_of, effect_of
from modprobe_ipsec.plan.plan import LoadOutcome, LoadResult, Plan, Step
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from modprobe_ipsec.report import evidence
from modprobe_ipsec.report.model import Action, Report, Style
from modprobe_ipsec.report.table import painted, table, wrapped
from modprobe_ipsec.report.words import against, head, named, notes, problems, some

SUMMARY = "for people: what stands in the way, what it stops, and what to do"

# What no load can mend.
_UNMET = (Verdict.BLOCKED, Verdict.MISSING, Verdict.UNKNOWN)
_STOPPING = (Verdict.BLOCKED, Verdict.MISSING)
# Problems of a configuration that are told without -v, alike ones as one.
_PROBLEMS = 3


def render(report: Report, style: Style) -> str:
    """The whole report; a quiet one has only what is not ready, a verbose one all evidence."""
    if report.lab:
        # costs a room that only --lab enters
        from modprobe_ipsec.report import lab

        return lab.text(report, report.lab, style)
    if report.measured:
        from modprobe_ipsec.report import measure

        return measure.text(report, report.measured, style)
    quiet, verbose, width = style.quiet, style.verbose, style.width
    dry = report.action is Action.DRY_RUN
    sections = [] if quiet else [_head(report, width)]
    wrong = _problems(report.demand, style)
    costly = any(p.conn or p.refuses or p.unread for p in report.demand.problems)
    stopping, rest = _causes(report, style)
    sections += stopping
    sections += [wrong] if costly else []
    if dry:
        sections.append(_plan(report.plan, width))
    sections += rest
    if not quiet and not dry:
        sections.append(_container(report, width))
    sections += [] if costly else [wrong]
    sections.append(_against(report, width))
    if not quiet:
        sections.append(_notes(report, width))
        sections.append(_silent(report.demand, width))
    sections.append(_seal(report, quiet, width))
    if not quiet:
        sections.append(_loads(report.loads, width))
        sections.append(_autoloaded(report.autoloaded, width))
    if verbose:
        worst_first = sorted(report.verdicts, key=lambda j: list(Verdict).index(j.verdict))
        shown = [j for j in worst_first if not (quiet and j.verdict is Verdict.READY)]
        sections.append(evidence.needs(shown, style))
        sections.append(evidence.symptoms(report.verdicts, width))
        sections.append(evidence.silent(report.demand, width))
        sections.append(evidence.chain(report.verdicts, width))
        sections.append(evidence.stack(report, width))
    elif not quiet:
        sections.append(evidence.telling(report, width))
    return "\n".join("".join(f"{line}\n" for line in section) for section in sections if section)


def _head(report: Report, width: int) -> list[str]:
    return [line for text in head(report) for line in wrapped(text, width, "", "  ")]


def _container(report: Report, width: int) -> list[str]:
    if not report.facts.container():
        return []
    from modprobe_ipsec.report import container

    inside = container.look(report)
    return container.lines(inside, width) if inside else []


def _causes(report: Report, style: Style) -> tuple[list[list[str]], list[list[str]]]:
    """A paragraph for each cause: those that stop something, and the rest with what is ready."""
    found = causes(report.verdicts)
    if report.action is Action.DRY_RUN:
        found = tuple(cause for cause in found if cause.verdict in _UNMET)
    if style.quiet:
        found = tuple(cause for cause in found if cause.verdict is not Verdict.READY)
    stopping = [_cause(c, report.verdicts, style) for c in found if c.verdict in _STOPPING]
    rest = [_cause(c, report.verdicts, style) for c in found if c.verdict not in _STOPPING]
    ready = [j for j in report.verdicts if j.verdict is Verdict.READY and not j.reasons]
    if ready and len(ready) < len(report.verdicts) and not style.quiet:
        text = f"ready: {some(evidence.names(ready))}"
        rest.append(_coloured(wrapped(text, style.width, "", "  "), Verdict.READY, style))
    return stopping, rest


def _coloured(lines: list[str], verdict: Verdict, style: Style) -> list[str]:
    return [painted(lines[0], verdict), *lines[1:]] if style.colour else lines


def _cause(cause: Cause, verdicts: Sequence[NeedVerdict], style: Style) -> list[str]:
    lines = wrapped(f"{cause.verdict}: {cause.text}", style.width, "", "  ")
    rows = [("kernel", answer) for answer in cause.answers]
    differs = len(cause.met_at) < len(verdicts)
    if cause.verdict in _STOPPING:
        effect = effect_of(cause, verdicts)
        stops, others = named(effect.stops), named(effect.helps_stop)
        if effect.is_all and len(effect.stops) > 1:
            stops = f"all {len(effect.stops)} connections: {stops}"
        rows += [("stops", stops)] if stops else []
        rows += [("stops", f"{others}, with other causes")] if others else []
        if effect.limits:
            rows.append(("limits", f"{named(effect.limits)}: what else they offer is left"))
        # what stops all that is asked for needs no list of it
        differs = differs and not (effect.stops and not others and not effect.limits)
    elif differs and (conns := connections_of(cause.met_at)):
        rows.append(("for", named(conns)))
    if differs:
        rows.append(("needs", some(evidence.names(cause.met_at))))
    if cause.remedy:
        rows.append(("to do", cause.remedy))
    lines = _coloured(lines, cause.verdict, style)
    return lines + (table(rows, indent="  ", width=style.width) if rows else [])


def _plan(plan: Plan, width: int) -> list[str]:
    lines: list[str] = []
    for number, steps in enumerate(plan.rounds, 1):
        if number == 2:
            lines += ["", "then, as far as the kernel still needs it after a new look:"]
        lines += table([_step(step) for step in steps], indent="  ", width=width)
    if any(step.accelerator for step in plan.steps):
        text = "Where this CPU's own code registers less than expected, more will follow."
        lines += ["", *wrapped(text, width)]
    return ["to load, in this order:", *lines] if lines else ["nothing to load"]


def _step(step: Step) -> tuple[str, str, str]:
    modules = ", ".join(step.dependencies)
    if step.soft_dependencies:
        soft = f"by softdep {', '.join(step.soft_dependencies)}"
        modules = f"{modules}; {soft}" if modules else soft
    along = f" (with {modules})" if modules else ""
    number = len(step.needs)
    serves = f"for {step.needs[0] if number == 1 else f'{number} needs'}"
    return step.module + along, step.why, serves


def _loads(results: Iterable[LoadResult], width: int) -> list[str]:
    rows = []
    for load in results:
        # An accelerator that this CPU lacks is normal.
        if load.outcome is LoadOutcome.NO_DEVICE:
            continue
        modules = ", ".join(load.loaded) or load.step.module
        rows.append((load.outcome, modules, load.why or load.step.why))
    return ["modules:", *table(rows, indent="  ", width=width)] if rows else []


def _autoloaded(modules: Sequence[str], width: int) -> list[str]:
    if not modules:
        return []
    lines = wrapped(", ".join(modules), width, "  ")
    return ["loaded by the kernel itself while it was asked:", *lines]


def _problems(demand: Demand, style: Style) -> list[str]:
    """What costs a connection is said even in silence: it is not in the verdict."""
    found = problems(demand)
    more = 0 if style.verbose else len(found) - _PROBLEMS
    if more > 1:
        found[_PROBLEMS:] = [f"and {more} more of other kinds, which -v shows"]
    lines = [line for text in found for line in wrapped(text, style.width, "  ", "    ")]
    return ["configuration:", *lines] if lines else []


def _against(report: Report, width: int) -> list[str]:
    head, *findings = against(report) or [""]
    return [*(wrapped(head, width, "", "  ") if head else []), *_indented(findings, width)]


def _notes(report: Report, width: int) -> list[str]:
    lines = _indented(notes(report), width)
    return ["algorithms that should not be used:", *lines] if lines else []


def _indented(texts: Iterable[str], width: int) -> list[str]:
    lines: list[str] = []
    for text in texts:
        own = " " * (len(text) - len(text.lstrip()))
        lines += wrapped(text.lstrip(), width, f"  {own}", f"    {own}")
    return lines


def _silent(demand: Demand, width: int) -> list[str]:
    """Connections that ask for nothing, and why: in one paragraph."""
    asking = {c for need in demand.needs for _, c in connections(need.sources)}
    groups: dict[str, dict[str, None]] = {}
    for one in demand.silent:
        if one.conn not in asking:
            groups.setdefault(one.why, {})[one.conn] = None
    if not groups:
        return []
    said = "; ".join(f"{some(list(map(name, conns)))} ({why})" for why, conns in groups.items())
    return wrapped(f"asks the kernel for nothing: {said}", width, "", "  ")


def _seal(report: Report, quiet: bool, width: int) -> list[str]:
    sealed = report.sealed
    if not sealed or (sealed.done and quiet):
        return []
    remedy = wrapped(sealed.remedy, width, "  ") if sealed.remedy else []
    return [*wrapped(sealed.text, width, "", "  "), *remedy]
