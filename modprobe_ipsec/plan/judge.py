# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, load results and proofs -> one verdict a need, with its evidence and what to do. Pure."""

from modprobe_ipsec.base.annotations import Iterable, Mapping, Sequence, assert_never
from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.diagnose.obstacle import Obstacle
from modprobe_ipsec.diagnose.resolution import SERVED, Resolution, ResolutionState
from modprobe_ipsec.needs.need import AnyNeed
from modprobe_ipsec.needs.proof import Answer, Proof
from modprobe_ipsec.plan.meaning import NO_CURE, explain, is_hopeless
from modprobe_ipsec.plan.plan import Forecast, Plan
from modprobe_ipsec.plan.verdict import Form, NeedVerdict, Reason, Verdict

_WITH_RIGHTS = Sentence(
    "run it as root, or where user namespaces are allowed", {"kind": "permission"}
)
_SEE_PACKETS = Sentence(
    "see whether packets get through: --check --prove=packets",
    {"kind": "ask", "command": "modprobe-ipsec --check --prove=packets"},
)
_LOAD_BEFORE = Sentence(
    "run modprobe-ipsec without --check before the daemon starts",
    {"kind": "load", "command": "modprobe-ipsec"},
)


def judge(plan: Plan, proofs: Mapping[AnyNeed, Proof], *, loaded: bool) -> tuple[NeedVerdict, ...]:
    """One verdict for each need of the plan, in its order.

    `plan` is made from the facts after loading and proving; `loaded` says that this run was to load
    and prove, so that "ready" is a promise and needs a proof.
    """
    return tuple(_judge(s, proofs.get(s.need), loaded) for s in plan.forecasts)


def _judge(forecast: Forecast, proof: Proof | None, loaded: bool) -> NeedVerdict:
    if proof and any(r.of_daemon and r.state not in SERVED for r in forecast.resolutions):
        # our messages are not the daemon's
        verdict, reasons = _not_asked(forecast, None, False)
    elif proof and proof.answer is Answer.ACCEPTED:
        verdict, reasons = _accepted(forecast)
    elif proof and proof.answer is Answer.REFUSED:
        verdict, reasons = _refused(forecast, proof)
    else:
        verdict, reasons = _not_asked(forecast, proof, loaded)
    return NeedVerdict(forecast.need, verdict, reasons, proof, forecast.resolutions)


def _accepted(forecast: Forecast) -> tuple[Verdict, tuple[Reason, ...]]:
    """The kernel took the SA, so it works; what may remain is a faster driver."""
    slow = [resolution for resolution in forecast.resolutions if _is_missed_speed(resolution)]
    if slow:
        reasons = tuple(_slow(resolution) for resolution in slow)
        return Verdict.SLOW, (*reasons, *_engines(forecast))
    return Verdict.READY, _engines(forecast)


def _refused(forecast: Forecast, proof: Proof) -> tuple[Verdict, tuple[Reason, ...]]:
    """The kernel said no; the plan may know why."""
    said = Reason(explain(proof), form=Form.ANSWER)
    verdict, reasons = _not_asked(forecast, None, False)
    if is_hopeless(proof) and verdict is not Verdict.MISSING:
        return Verdict.MISSING, (said._replace(remedy=NO_CURE[proof.errno]),)
    if verdict in (Verdict.BLOCKED, Verdict.MISSING, Verdict.LOADABLE):
        return verdict, (*reasons, said)
    # what could not be told before is told now
    likely = (
        resolution.obstacle
        for resolution in forecast.foreseen
        if resolution.state is ResolutionState.UNKNOWN and resolution.obstacle
    )
    whys = dict.fromkeys(Reason(obstacle.text, obstacle.remedy) for obstacle in likely)
    return Verdict.MISSING, (*whys, said)


def _not_asked(
    forecast: Forecast, proof: Proof | None, loaded: bool
) -> tuple[Verdict, tuple[Reason, ...]]:
    """Only the facts speak."""
    match forecast.verdict:
        case Verdict.READY:
            if forecast.card:
                return Verdict.READY, (Reason(forecast.card),)
            if loaded and forecast.unproven:
                # what is there has to do, and the report says so
                return Verdict.READY, (Reason(f"there, but not proven: {forecast.unproven}"),)
            if loaded:
                why = proof.why if proof else "the kernel was not asked"
                return Verdict.UNKNOWN, (Reason(f"not proven: {why}", _WITH_RIGHTS),)
            return Verdict.READY, _engines(forecast)
        case Verdict.SLOW:
            reasons = tuple(map(_slow, filter(_is_missed_speed, forecast.resolutions)))
            return Verdict.SLOW, (*reasons, *_engines(forecast))
        case Verdict.LOADABLE:
            return Verdict.LOADABLE, (*_loadable(forecast), *_engines(forecast))
        case Verdict.BLOCKED:
            return Verdict.BLOCKED, _lacking(forecast, ResolutionState.BLOCKED)
        case Verdict.MISSING:
            return Verdict.MISSING, _lacking(forecast, ResolutionState.ABSENT)
        case Verdict.UNKNOWN:
            return Verdict.UNKNOWN, _lacking(forecast, ResolutionState.UNKNOWN)
        case _:
            assert_never(forecast.verdict)


def _engines(forecast: Forecast) -> tuple[Reason, ...]:
    """What serves, and is never loaded by us: the kernel prefers it, whoever brought it."""
    engines = dict.fromkeys(r for r in forecast.resolutions if r.engine)
    return tuple(
        Reason(
            f"{engine.evidence}: {engine.engine}",
            _SEE_PACKETS,
        )
        for engine in engines
    )


def _is_missed_speed(resolution: Resolution) -> bool:
    faster = resolution.accelerator and not resolution.unlikely
    return faster and resolution.state not in SERVED


def _slow(resolution: Resolution) -> Reason:
    if resolution.state is ResolutionState.BLOCKED:
        return Reason(f"slower driver: {_lack([resolution]).text}", "", resolution.obstacle)
    if resolution.state is not ResolutionState.LOADABLE:
        return Reason(
            f"slower driver: {_lack([resolution]).text}", resolution.remedy, resolution.obstacle
        )
    return _say(Form.SLOWER, [f"{resolution.module} ({resolution.evidence})"])._replace(
        remedy=_LOAD_BEFORE
    )


def _loadable(forecast: Forecast) -> tuple[Reason, ...]:
    loadable = [r for r in forecast.resolutions if r.state is ResolutionState.LOADABLE]
    never = dict.fromkeys(_never(resolution) for resolution in loadable if resolution.never)
    ours = [resolution for resolution in loadable if not resolution.never]
    if not ours:
        return tuple(never)
    card = [forecast.card] if forecast.card else []
    more = "; ".join((*_autoload(ours), *_remarks(ours), *card))
    reason = _say(Form.NOT_LOADED, (resolution.module for resolution in ours), more)
    return (reason._replace(remedy=ours[0].remedy), *never)


def _never(resolution: Resolution) -> Reason:
    """What is there and is not loaded by us, whoever asks for it."""
    module = resolution.module
    said = "; ".join((resolution.never, *_autoload([resolution])))
    return Reason(
        f"{module} is there, and never loaded by this tool: {said}",
        Sentence(
            f"leave {module} to the kernel, or load it yourself before the daemon starts "
            f"(modprobe {module})",
            {"kind": "load", "command": f"modprobe {module}"},
        ),
    )


def _autoload(loadable: Sequence[Resolution]) -> list[str]:
    """Whether the kernel would load these by itself; nothing of what only makes it faster."""
    for resolution in loadable:
        autoload = resolution.autoload
        if autoload and not resolution.accelerator:
            if autoload.works:
                return ["the kernel loads what it needs when asked"]
            off = "cannot be told" if autoload.works is None else "is off"
            return [f"autoload {off}: {autoload.why}"]
    return []


def _remarks(loadable: Sequence[Resolution]) -> list[str]:
    return list(dict.fromkeys(r.evidence for r in loadable if r.evidence and not r.accelerator))


def _lacking(forecast: Forecast, state: ResolutionState) -> tuple[Reason, ...]:
    """One reason for all that is lacking for the same cause."""
    groups: dict[tuple[str, str], list[Resolution]] = {}
    for resolution in forecast.foreseen:
        if resolution.state is state and not resolution.accelerator:
            groups.setdefault((resolution.evidence, resolution.remedy), []).append(resolution)
    reasons = []
    for (_, remedy), group in groups.items():
        first = group[0]
        reason = _lack(group)
        reasons.append(reason._replace(remedy=remedy, symptom=first.symptom))
        # to lift the first ban alone would change nothing
        reasons += [
            _kept_out(group, other)._replace(remedy=other.remedy, symptom=first.symptom)
            for other in first.obstacles[1:]
            if other.kind.forbids
        ]
    return tuple(reasons)


def _say(form: Form, about: Iterable[str], rest: str = "") -> Reason:
    """A reason that other needs may have as well, about the same or about more."""
    names = tuple(dict.fromkeys(about))
    return Reason(form.of(names, rest), form=form, about=names, rest=rest)


def _lack(resolutions: Sequence[Resolution]) -> Reason:
    """What some resolutions lack for one and the same cause."""
    first = resolutions[0]
    if first.state is ResolutionState.UNKNOWN:
        reason = _say(Form.CANNOT_TELL, (r.request for r in resolutions), first.evidence)
        return reason._replace(obstacle=first.obstacle)
    if first.state is not ResolutionState.BLOCKED:
        about = (first.title,) if first.title else ()
        found = Reason(first.evidence, obstacle=first.obstacle, about=about)
        built = first.option and (not first.obstacle or first.obstacle.option)
        return found._replace(option=f"CONFIG_{first.option}") if built else found
    return _kept_out(resolutions, first.obstacle, first.evidence)


def _kept_out(
    resolutions: Sequence[Resolution], obstacle: Obstacle | None, evidence: str = ""
) -> Reason:
    """`esp4, esp6 are blocked by` something, or what else keeps them out."""
    evidence = evidence or (obstacle.text if obstacle else "")
    if obstacle and not obstacle.kind.forbids:
        return Reason(evidence, obstacle=obstacle)
    means = f" ({obstacle.means})" if obstacle and obstacle.means else ""
    names = list(dict.fromkeys(resolution.module for resolution in resolutions))
    if obstacle and obstacle.module not in names:
        # a module that all of these depend on
        needed = f"{', '.join(names)} cannot do without {obstacle.module}, which is"
        return Reason(f"{needed} blocked by {evidence}{means}", obstacle=obstacle)
    return _say(Form.KEPT_OUT, names, f"{evidence}{means}")._replace(obstacle=obstacle)
