# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences that more than one of the writers for people says."""

from modprobe_ipsec.base.annotations import Iterable, Mapping, Sequence
from modprobe_ipsec.base.text import SHOWN, listed, name
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.obstacles import Symptom
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.needs.need import FeatureNeed
from modprobe_ipsec.needs.profile import Objection
from modprobe_ipsec.needs.proof import Answer
from modprobe_ipsec.needs.reading import Asker, OtherAsker, Problem
from modprobe_ipsec.plan.causes import Conn, connections
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from modprobe_ipsec.report.model import Action, Report

# Names that a line has.
_SHOWN = 3


class Connections(Value):
    """How many connections the configurations have, and what becomes of them."""

    all: int
    # The daemon does not load them.
    lost: int
    # They ask the kernel for nothing.
    silent: int


def count(demand: Demand) -> Connections:
    """The connections of a demand, each counted once."""
    lists = {id(need.sources): need.sources for need in demand.needs}
    asking = {conn for sources in lists.values() for _, conn in connections(sources)}
    silent = {silent.conn for silent in demand.silent} - asking
    lost = {problem.conn for problem in demand.problems if problem.conn} - asking - silent
    return Connections(len(asking) + len(silent) + len(lost), len(lost), len(silent))


def headline(report: Report) -> str:
    """The run in one line: kernel, what was read, how many needs stand how."""
    return "; ".join(head(report))


def head(report: Report) -> tuple[str, ...]:
    """The same in its parts; what is only assumed comes first."""
    about, needed = kernel(report), read(report.demand)
    first = (needed, about) if report.demand.assumed else (about, needed)
    return (*first, *others(report.demand), result(report))


def others(demand: Demand) -> list[str]:
    """Who asks besides IKE daemons; without any of these, who does not, too."""
    if demand.configs and not demand.askers:
        return []
    shown = [other for other in demand.others if other.asks or not demand.askers]
    return [f"{other.title} {_says(other)}" for other in shown]


def _says(other: OtherAsker) -> str:
    return other.says if other.asks else f"asks XFRM for nothing: {other.says}"


def kernel(report: Report) -> str:
    """Which kernel it is about."""
    return f"kernel {report.facts.release} ({report.facts.arch})"


def read(demand: Demand) -> str:
    """Where the needs come from: which daemon, how its release is known, which files."""
    if demand.configs and not demand.askers:
        files = [f"{other.path} of {other.title}: {other.says}" for other in demand.others]
        return listed(files) or f"needs of the host plan {listed(demand.configs)}"
    if demand.configs:
        files = [f"{asker.config} of {_daemon(asker)}" for asker in demand.askers]
        found = count(demand)
        if not found.all:
            return f"{listed(files)}: no connection in {'it' if len(files) == 1 else 'them'}"
        ask = "asks" if found.silent == 1 else "ask"
        silent = f", {found.silent} of them {ask} for nothing" if found.silent else ""
        return f"{listed(files)}: {_number(found.all, 'connection')}{silent}"
    if demand.others and not demand.askers:
        return "no IKE daemon is found"
    if not demand.askers:
        asked = (f"{s.where} {s.text}".rstrip() for need in demand.needs for s in need.sources)
        return f"needs of the command line: {some(list(dict.fromkeys(asked)))}".rstrip(": ")
    if demand.assumed:
        both = "both, " if len(demand.askers) == 2 else ""
        titles = [DAEMONS[asker.daemon].title for asker in demand.askers]
        return f"no IKE daemon is found: this assumes the defaults of {both}{listed(titles)}"
    whose = "its" if len(demand.askers) == 1 else "their"
    return f"no configuration of {listed(list(map(_daemon, demand.askers)))}: {whose} defaults"


def _daemon(asker: Asker) -> str:
    title = DAEMONS[asker.daemon].title
    if not asker.release:
        return f"{title} (release unknown)"
    return f"{title} {'.'.join(map(str, asker.release))} (says {asker.told_by})"


def result(report: Report) -> str:
    """How many needs stand how, and which connections are not among them."""
    found = count(report.demand)
    lost = ""
    if any(problem.refuses for problem in report.demand.problems):
        lost = "the daemon does not start with this (see below); "
    elif any(problem.unread for problem in report.demand.problems):
        lost = "not all that is needed is known (see below); "
    if found.lost:
        be = "is" if found.lost == 1 else "are"
        lost += f"{found.lost} of {_number(found.all, 'connection')} {be} left out (see below); "
    total = len(report.verdicts)
    if not total:
        return f"{lost}nothing is asked for"
    counts = []
    for verdict in Verdict:
        number = sum(judged.verdict is verdict for judged in report.verdicts)
        if number:
            counts.append(f"{number} {verdict}")
    needs = _number(total, "need")
    if report.action is Action.DRY_RUN:
        modules = f"{_number(len(report.plan.steps), 'module')} to load"
        return f"{lost}{modules} for {needs}: {', '.join(counts)}"
    rest = "what is left has " if lost else ""
    return f"{lost}{rest}{needs}: {', '.join(counts)} ({_how(report)})"


def _how(report: Report) -> str:
    proofs = [judged.proof for judged in report.verdicts if judged.proof]
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


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def some(names: Sequence[str]) -> str:
    """`a, b, c and 4 more`."""
    more = len(names) - _SHOWN
    return listed([*names[:_SHOWN], f"{more} more"] if more > 1 else list(names))


def named(conns: Mapping[Conn, str]) -> str:
    """Some connections with their places: `office (/etc/ipsec.conf:12)`; empty without any."""
    return some([f"{name(conn)} ({place})" for (_, conn), place in conns.items()])


def problems(demand: Demand) -> list[str]:
    """What is wrong in the configurations and what it costs: a line for each cause, in order.

    Of very many causes the last line says how many more there are.
    """
    groups: dict[tuple[str, bool], list[Problem]] = {}
    for problem in demand.problems:
        groups.setdefault((problem.text, bool(problem.conn)), []).append(problem)
    lines = [_together(group) for group in list(groups.values())[:SHOWN]]
    more = len(groups) - SHOWN
    return [*lines, f"and {more} more problems in the configuration"] if more > 0 else lines


def _together(group: Sequence[Problem]) -> str:
    first = group[0]
    places = list(dict.fromkeys(str(problem.place) for problem in group))
    conns: dict[Conn, str] = {(None, p.conn): str(p.place) for p in group if p.conn}
    if len(conns) > 1:
        return f"{first.text}; {len(conns)} connections are left out: {named(conns)}"
    lost = f"; {name(first.conn)} is left out" if conns else ""
    return f"{some(places)}: {first.text}{lost}"


def notes(report: Report) -> list[str]:
    """Algorithms that should not be used, each with what asks for it: nothing that counts."""
    # a profile that was to be checked has said it
    said = {(objection.what, objection.why) for objection in report.against}
    return _objections([found for found in report.notes if (found.what, found.why) not in said])


def against(report: Report) -> list[str]:
    """What is against the profile that was to be checked, below what it is and what it is about."""
    if not report.profile:
        return []
    scope = "ESP and AH alone; IKE's own algorithms are not looked at"
    if not report.against:
        return [f"{report.profile.title}: all that is asked for is in it ({scope})"]
    return [f"{report.profile.title}: not in it ({scope}):", *_objections(report.against)]


def _objections(objections: Iterable[Objection]) -> list[str]:
    """A line each; of several of which the same is said, that first."""
    groups: dict[str, list[str]] = {}
    for objection in objections:
        groups.setdefault(objection.why, []).append(f"{objection.what}: {_asking(objection)}")
    lines: list[str] = []
    for why, said in groups.items():
        if len(said) == 1:
            what, _, who = said[0].partition(": ")
            lines.append(f"{what}: {why}: {who}")
        else:
            lines += [f"{why}:", *(f"  {text}" for text in said)]
    return lines


def _asking(objection: Objection) -> str:
    """The connections that offer it, or whatever else asks for it."""
    conns: dict[Conn, str] = {}
    places: dict[str, None] = {}
    for sources in {id(need.sources): need.sources for need in objection.needs}.values():
        conns |= connections(sources)
        places |= dict.fromkeys(source.where for source in sources if not source.conn)
    return some([*(f"{name(conn)} ({place})" for (_, conn), place in conns.items()), *places])


def in_words(problem: Problem) -> str:
    """What is wrong in a configuration, where, and what it costs: in one line."""
    return _together([problem])


def log_lines(judged: NeedVerdict, symptom: Symptom) -> tuple[tuple[str, str], ...]:
    """What daemons write then, each with its name: of an SA, those that ask for it in this way."""
    need = judged.need
    return tuple(
        (daemon, line)
        for daemon, line in symptom.lines
        if isinstance(need, FeatureNeed) or DAEMONS[daemon].interface is need.interface
    )


def because(judged: NeedVerdict) -> str:
    """What the verdict rests on, in one line."""
    if judged.reasons:
        return "; ".join(dict.fromkeys(reason.text for reason in judged.reasons))
    proof = judged.proof
    if proof and proof.answer is Answer.ACCEPTED:
        priority = f", priority {proof.priority}" if proof.priority is not None else ""
        return f"proven: {proof.driver}{priority}" if proof.driver else "proven"
    return "everything it needs is loaded or built in"
