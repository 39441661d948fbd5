# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, load results and proofs -> one verdict a need, with its evidence and what to do. Pure."""

from modprobe_ipsec.base.annotations import Iterable, Mapping, Sequence, assert_never
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.catalog.obstacles import Symptom
from modprobe_ipsec.diagnose.finding import SERVED, Resolution, ResolutionState
from modprobe_ipsec.diagnose.obstacles import Obstacle
from modprobe_ipsec.needs.need import AnyNeed
from modprobe_ipsec.needs.proof import Answer, Proof
from modprobe_ipsec.plan.meaning import explain
from modprobe_ipsec.plan.plan import Forecast, Outlook, Plan


class Verdict(StrEnum):
    """What we say about a need. The worst comes first."""

    BLOCKED = "blocked"
    MISSING = "missing"
    UNKNOWN = "unknown"
    LOADABLE = "loadable"
    SLOW = "slow"
    READY = "ready"

    @property
    def exit_code(self) -> int:
        """0 ready, 1 not yet, 2 cannot be met, 3 cannot tell."""
        match self:
            case Verdict.READY:
                return 0
            case Verdict.SLOW | Verdict.LOADABLE:
                return 1
            case Verdict.BLOCKED | Verdict.MISSING:
                return 2
            case Verdict.UNKNOWN:
                return 3
            case _:
                assert_never(self)


class Reason(Value):
    """One thing that makes a verdict what it is, and what would change it."""

    text: str
    remedy: str = ""
    obstacle: Obstacle | None = None
    # What the kernel would answer, and the daemons write, because of it.
    symptom: Symptom | None = None


class NeedVerdict(Value):
    """The verdict on one need."""

    need: AnyNeed
    verdict: Verdict
    reasons: tuple[Reason, ...]
    proof: Proof | None
    resolutions: tuple[Resolution, ...]


def judge(plan: Plan, proofs: Mapping[AnyNeed, Proof], *, loaded: bool) -> tuple[NeedVerdict, ...]:
    """One judgement for each need of the plan, in its order.

    `plan` is made from the facts after loading and proving; `loaded` says that this run was to load
    and prove, so that "ready" is a promise and needs a proof.
    """
    return tuple(_judge(s, proofs.get(s.need), loaded) for s in plan.forecasts)


def exit_code(judgements: Iterable[NeedVerdict]) -> int:
    """The worst of all: what cannot be met, then what is unknown, then what is not yet."""
    codes = {judgement.verdict.exit_code for judgement in judgements}
    return next((code for code in (2, 3, 1) if code in codes), 0)


def _judge(forecast: Forecast, proof: Proof | None, loaded: bool) -> NeedVerdict:
    if proof and proof.answer is Answer.ACCEPTED:
        verdict, reasons = _accepted(forecast)
    elif proof and proof.answer is Answer.REFUSED:
        verdict, reasons = _refused(forecast, proof)
    else:
        verdict, reasons = _not_asked(forecast, proof, loaded)
    return NeedVerdict(forecast.need, verdict, reasons, proof, forecast.resolutions)


def _accepted(forecast: Forecast) -> tuple[Verdict, tuple[Reason, ...]]:
    """The kernel took the SA, so it works; what may remain is a faster driver."""
    slow = [finding for finding in forecast.resolutions if _is_missed_speed(finding)]
    if slow:
        return Verdict.SLOW, tuple(_slow(finding) for finding in slow)
    return Verdict.READY, ()


def _refused(forecast: Forecast, proof: Proof) -> tuple[Verdict, tuple[Reason, ...]]:
    """The kernel said no; the plan may know why."""
    said = Reason(explain(proof))
    verdict, reasons = _not_asked(forecast, None, False)
    if verdict in (Verdict.BLOCKED, Verdict.MISSING, Verdict.LOADABLE):
        return verdict, (*reasons, said)
    # what could not be told before is told now
    likely = (
        f.obstacle for f in forecast.foreseen if f.state is ResolutionState.UNKNOWN and f.obstacle
    )
    whys = dict.fromkeys(Reason(obstacle.text, obstacle.remedy) for obstacle in likely)
    return Verdict.MISSING, (*whys, said)


def _not_asked(
    forecast: Forecast, proof: Proof | None, loaded: bool
) -> tuple[Verdict, tuple[Reason, ...]]:
    """Only the facts speak."""
    match forecast.outlook:
        case Outlook.READY:
            if forecast.card:
                return Verdict.READY, (Reason(forecast.card),)
            if loaded and forecast.unproven:
                # what is there has to do, and the report says so
                return Verdict.READY, (Reason(f"there, but not proven: {forecast.unproven}"),)
            if loaded:
                why = proof.why if proof else "the kernel was not asked"
                remedy = "run it as root, or where user namespaces are allowed"
                return Verdict.UNKNOWN, (Reason(f"not proven: {why}", remedy),)
            return Verdict.READY, ()
        case Outlook.SLOW:
            slow = [finding for finding in forecast.resolutions if _is_missed_speed(finding)]
            return Verdict.SLOW, tuple(_slow(finding) for finding in slow)
        case Outlook.LOADABLE:
            return Verdict.LOADABLE, _loadable(forecast)
        case Outlook.BLOCKED:
            return Verdict.BLOCKED, _lacking(forecast, ResolutionState.BLOCKED)
        case Outlook.MISSING:
            return Verdict.MISSING, _lacking(forecast, ResolutionState.ABSENT)
        case Outlook.UNKNOWN:
            return Verdict.UNKNOWN, _lacking(forecast, ResolutionState.UNKNOWN)
        case _:
            assert_never(forecast.outlook)


def _is_missed_speed(finding: Resolution) -> bool:
    return finding.accelerator and finding.state not in SERVED


def _slow(finding: Resolution) -> Reason:
    if finding.state is ResolutionState.BLOCKED:
        return Reason(f"slower driver: {_lack([finding])}", "", finding.obstacle)
    if finding.state is not ResolutionState.LOADABLE:
        return Reason(f"slower driver: {_lack([finding])}", finding.remedy, finding.obstacle)
    return Reason(
        f"slower driver: {finding.module} ({finding.evidence}) is not loaded",
        "run modprobe-ipsec without --check before the daemon starts",
    )


def _loadable(forecast: Forecast) -> tuple[Reason, ...]:
    loadable = [
        finding for finding in forecast.resolutions if finding.state is ResolutionState.LOADABLE
    ]
    modules = dict.fromkeys(finding.module for finding in loadable)
    text = f"not loaded: {', '.join(modules)}"
    card = [forecast.card] if forecast.card else []
    text = "; ".join((text, *_autoload(loadable), *_remarks(loadable), *card))
    return (Reason(text, next(f.remedy for f in loadable)),)


def _autoload(loadable: Sequence[Resolution]) -> list[str]:
    """Whether the kernel would load these by itself; nothing of what only makes it faster."""
    for finding in loadable:
        autoload = finding.autoload
        if autoload and not finding.accelerator:
            if autoload.works:
                return ["the kernel loads what it needs when asked"]
            off = "cannot be told" if autoload.works is None else "is off"
            return [f"autoload {off}: {autoload.why}"]
    return []


def _remarks(loadable: Sequence[Resolution]) -> list[str]:
    return list(dict.fromkeys(f.evidence for f in loadable if f.evidence and not f.accelerator))


def _lacking(forecast: Forecast, state: ResolutionState) -> tuple[Reason, ...]:
    """One reason for all that is lacking for the same cause."""
    groups: dict[tuple[str, str], list[Resolution]] = {}
    for finding in forecast.foreseen:
        if finding.state is state and not finding.accelerator:
            groups.setdefault((finding.evidence, finding.remedy), []).append(finding)
    return tuple(
        Reason(_lack(group), remedy, group[0].obstacle, group[0].symptom)
        for (_, remedy), group in groups.items()
    )


def _lack(findings: Sequence[Resolution]) -> str:
    """What some findings lack for one and the same cause."""
    first = findings[0]
    obstacle, because = first.obstacle, first.evidence
    if first.state is ResolutionState.UNKNOWN:
        requests = dict.fromkeys(finding.request for finding in findings)
        return f"cannot tell about {', '.join(requests)}: {because}"
    if first.state is not ResolutionState.BLOCKED:
        return because
    names = list(dict.fromkeys(finding.module for finding in findings))
    if obstacle and obstacle.module not in names:
        # a module that all of these depend on
        text = f"{', '.join(names)} cannot do without {obstacle.module}, which is"
    else:
        text = f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
    means = f" ({obstacle.means})" if obstacle and obstacle.means else ""
    return f"{text} blocked by {because}{means}"
