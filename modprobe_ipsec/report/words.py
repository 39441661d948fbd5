# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences that more than one of the writers for people says."""

from modprobe_ipsec.base.text import name
from modprobe_ipsec.catalog.obstacles import Symptom
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.needs.need import FeatureNeed
from modprobe_ipsec.needs.proof import Answer
from modprobe_ipsec.needs.reading import Problem
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from modprobe_ipsec.report.model import Action, Report


def headline(report: Report) -> str:
    """The run in one line: kernel, configuration, how many needs stand how."""
    kernel = f"kernel {report.facts.release} ({report.facts.arch})"
    if report.demand.configs:
        kernel += f", {' and '.join(report.demand.configs)}"
    total = len(report.verdicts)
    counts = []
    for verdict in Verdict:
        number = sum(judgement.verdict is verdict for judgement in report.verdicts)
        if number:
            counts.append(f"{number} {verdict}")
    if not total:
        return f"{kernel}: nothing is asked for"
    if report.action is Action.DRY_RUN:
        count = len(report.plan.steps)
        modules = f"{count} module{'s' * (count != 1)} to load"
        return f"{kernel}: {modules} for {_count(total)}: {', '.join(counts)}"
    return f"{kernel}: {_count(total)}: {', '.join(counts)} ({_how(report)})"


def _how(report: Report) -> str:
    proofs = [judgement.proof for judgement in report.verdicts if judgement.proof]
    if not proofs:
        return "nothing changed, the kernel was not asked"
    of_sas = [proof for proof in proofs if not isinstance(proof.need, FeatureNeed)]
    answers = {proof.answer for proof in of_sas}
    if Answer.ACCEPTED in answers:
        packets = any(proof.steps for proof in of_sas)
        return f"proven with {'packets' if packets else 'real SAs'}"
    if Answer.REFUSED in answers:
        return "asked with real SAs"
    return "no SA could be tried" if of_sas else "the kernel was asked"


def _count(number: int) -> str:
    return f"{number} need{'s' * (number != 1)}"


def in_words(problem: Problem) -> str:
    """What is wrong in a configuration, where, and what it costs: in one line."""
    lost = f"; {name(problem.conn)} is left out" if problem.conn else ""
    return f"{problem.place}: {problem.text}{lost}"


def log_lines(judgement: NeedVerdict, symptom: Symptom) -> tuple[tuple[str, str], ...]:
    """What daemons write then, each with its name: of an SA, those that ask for it in this way."""
    need = judgement.need
    return tuple(
        (daemon, line)
        for daemon, line in symptom.lines
        if isinstance(need, FeatureNeed) or DAEMONS[daemon].interface is need.interface
    )


def because(judgement: NeedVerdict) -> str:
    """What the verdict rests on, in one line."""
    if judgement.reasons:
        return "; ".join(dict.fromkeys(reason.text for reason in judgement.reasons))
    proof = judgement.proof
    if proof and proof.answer is Answer.ACCEPTED:
        priority = f", priority {proof.priority}" if proof.priority is not None else ""
        return f"proven: {proof.driver}{priority}" if proof.driver else "proven"
    return "everything it needs is loaded or built in"
