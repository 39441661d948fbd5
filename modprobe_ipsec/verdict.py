# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, load results and proofs -> one verdict a need, with its evidence and what to do. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, assert_never

from modprobe_ipsec.demand.need import Need
from modprobe_ipsec.plan import Outlook, Plan, Standing
from modprobe_ipsec.prove.meaning import explain
from modprobe_ipsec.prove.proof import Answer, Proof
from modprobe_ipsec.resolve import SERVED, Finding, State


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


class Reason(NamedTuple):
    """One thing that makes a verdict what it is, and what would change it."""

    text: str
    remedy: str = ""


class Judgement(NamedTuple):
    """The verdict on one need."""

    need: Need
    verdict: Verdict
    reasons: tuple[Reason, ...]
    proof: Proof | None
    findings: tuple[Finding, ...]


def judge(plan: Plan, proofs: Mapping[Need, Proof], *, loaded: bool) -> tuple[Judgement, ...]:
    """One judgement for each need of the plan, in its order.

    `plan` is made from the facts after loading and proving; `loaded` says that this run was to load
    and prove, so that "ready" is a promise and needs a proof.
    """
    return tuple(_judge(s, proofs.get(s.need), loaded) for s in plan.standings)


def exit_code(judgements: Iterable[Judgement]) -> int:
    """The worst of all: what cannot be met, then what is unknown, then what is not yet."""
    codes = {judgement.verdict.exit_code for judgement in judgements}
    return next((code for code in (2, 3, 1) if code in codes), 0)


def _judge(standing: Standing, proof: Proof | None, loaded: bool) -> Judgement:
    if proof and proof.answer is Answer.ACCEPTED:
        verdict, reasons = _accepted(standing)
    elif proof and proof.answer is Answer.REFUSED:
        verdict, reasons = _refused(standing, proof)
    else:
        verdict, reasons = _not_asked(standing, proof, loaded)
    return Judgement(standing.need, verdict, reasons, proof, standing.findings)


def _accepted(standing: Standing) -> tuple[Verdict, tuple[Reason, ...]]:
    """The kernel took the SA, so it works; what may remain is a faster driver."""
    slow = [finding for finding in standing.findings if _is_missed_speed(finding)]
    if slow:
        return Verdict.SLOW, tuple(_slow(finding) for finding in slow)
    return Verdict.READY, ()


def _refused(standing: Standing, proof: Proof) -> tuple[Verdict, tuple[Reason, ...]]:
    """The kernel said no; the plan may know why."""
    said = Reason(explain(proof))
    verdict, reasons = _not_asked(standing, None, False)
    if verdict in (Verdict.BLOCKED, Verdict.MISSING, Verdict.LOADABLE):
        return verdict, (*reasons, said)
    return Verdict.MISSING, (said,)


def _not_asked(
    standing: Standing, proof: Proof | None, loaded: bool
) -> tuple[Verdict, tuple[Reason, ...]]:
    """Only the facts speak."""
    match standing.outlook:
        case Outlook.READY:
            if loaded:
                why = proof.why if proof else "the kernel was not asked"
                remedy = "run it as root, or where user namespaces are allowed"
                return Verdict.UNKNOWN, (Reason(f"not proven: {why}", remedy),)
            return Verdict.READY, ()
        case Outlook.SLOW:
            slow = [finding for finding in standing.findings if _is_missed_speed(finding)]
            return Verdict.SLOW, tuple(_slow(finding) for finding in slow)
        case Outlook.LOADABLE:
            return Verdict.LOADABLE, _loadable(standing)
        case Outlook.BLOCKED:
            return Verdict.BLOCKED, _lacking(standing, State.BLOCKED)
        case Outlook.MISSING:
            return Verdict.MISSING, _lacking(standing, State.ABSENT)
        case Outlook.UNKNOWN:
            return Verdict.UNKNOWN, _lacking(standing, State.UNKNOWN)
        case _:
            assert_never(standing.outlook)


def _is_missed_speed(finding: Finding) -> bool:
    return finding.faster and finding.state not in SERVED


def _slow(finding: Finding) -> Reason:
    if finding.state is State.BLOCKED:
        return Reason(f"slower driver: {finding.module} is blocked by {finding.because}")
    return Reason(
        f"slower driver: {finding.module} ({finding.because}) is not loaded",
        "run modprobe-ipsec without --check before the daemon starts",
    )


def _loadable(standing: Standing) -> tuple[Reason, ...]:
    modules = dict.fromkeys(f.module for f in standing.findings if f.state is State.LOADABLE)
    names = ", ".join(modules)
    return (Reason(f"not loaded: {names}", "run modprobe-ipsec without --check, as root"),)


def _lacking(standing: Standing, state: State) -> tuple[Reason, ...]:
    lacking: Sequence[Finding] = [f for f in standing.foreseen if f.state is state and not f.faster]
    return tuple(dict.fromkeys(Reason(_lack(finding), _remedy(finding)) for finding in lacking))


def _lack(finding: Finding) -> str:
    if finding.state is State.BLOCKED:
        return f"{finding.module} is blocked by {finding.because}"
    if finding.state is State.UNKNOWN:
        return f"{finding.request}: cannot tell, there is {finding.because}"
    return finding.because


def _remedy(finding: Finding) -> str:
    if finding.rule:
        return (
            f"whoever set {finding.rule.where} decides: if IPsec is wanted here, remove that line; "
            "it is never talked around"
        )
    return finding.remedy
