# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts -> what they come from: each cause once, with all needs that it is met at. Pure.

A kernel without ESP gives as many verdicts as there are proposals, and one cause.
"""

from modprobe_ipsec.base.annotations import Iterable, Sequence
from modprobe_ipsec.base.text import Sentence, listed
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.diagnose.obstacle import ForbiddingLines
from modprobe_ipsec.needs.need import Need, Source
from modprobe_ipsec.plan.verdict import Form, NeedVerdict, Reason, Verdict

# Names of modules or options, and sentences, that a text has.
_NAMES = 12
_SENTENCES = 3
_UNMET = (Verdict.BLOCKED, Verdict.MISSING)
# What keeps a reason apart from others.
_Key = tuple[object, ...]
# A daemon and the name of one of its connections.
Conn = tuple[str | None, str]


class Cause(Value):
    """One thing that verdicts come from."""

    verdict: Verdict
    text: str
    # What would help; empty if nothing is known.
    remedy: str
    # What the kernel answered where it was asked, in words.
    answers: tuple[str, ...]
    # The verdicts on all needs that it is met at.
    met_at: tuple[NeedVerdict, ...]


def causes(verdicts: Sequence[NeedVerdict]) -> tuple[Cause, ...]:
    """What these verdicts come from, the worst first, and of these what most needs meet."""
    groups: dict[_Key, list[tuple[Reason, NeedVerdict]]] = {}
    for judged in verdicts:
        reasons = [r for r in judged.reasons if r.form is not Form.ANSWER] or judged.reasons
        for reason in reasons:
            groups.setdefault((judged.verdict, *_key(reason)), []).append((reason, judged))
    found = [_cause(group, verdicts) for group in groups.values()]
    order = list(Verdict)
    return tuple(sorted(found, key=lambda cause: (order.index(cause.verdict), -len(cause.met_at))))


class Effect(Value):
    """What a cause does to connections, each with its place."""

    # None of their SAs can be had, for this cause alone, ...
    stops: dict[Conn, str]
    # ... or for several of which this is one.
    helps_stop: dict[Conn, str]
    # Something else that they offer is left.
    limits: dict[Conn, str]
    # Every connection that asks for something is stopped by this cause.
    is_all: bool


def effect_of(cause: Cause, verdicts: Sequence[NeedVerdict]) -> Effect:
    """What a cause that cannot be loaded away does to the connections it is met at."""
    of_all = _ways(verdicts)
    here = _ways(cause.met_at)
    left = _ways(judged for judged in verdicts if judged.verdict not in _UNMET)
    # no peer can decline what is asked for beyond SAs
    lame = connections_of(j for j in cause.met_at if not isinstance(j.need, Need))
    places = connections_of(cause.met_at)
    alone = {conn for conn, number in here.items() if number == of_all[conn]} | lame.keys()
    stops = {conn: place for conn, place in places.items() if conn in alone}
    return Effect(
        stops=stops,
        helps_stop={c: place for c, place in places.items() if c not in alone and c not in left},
        limits={c: place for c, place in places.items() if c not in alone and c in left},
        is_all=bool(stops) and len(stops) == len(connections_of(verdicts)),
    )


def _ways(verdicts: Iterable[NeedVerdict]) -> dict[Conn, int]:
    """How many SAs each connection may have."""
    shared: dict[int, tuple[tuple[Source, ...], int]] = {}
    for judged in verdicts:
        if isinstance(judged.need, Need):
            sources = judged.need.sources
            shared[id(sources)] = (sources, shared.get(id(sources), ((), 0))[1] + 1)
    ways: dict[Conn, int] = {}
    for sources, number in shared.values():
        for conn in connections(sources):
            ways[conn] = ways.get(conn, 0) + number
    return ways


def connections_of(verdicts: Iterable[NeedVerdict]) -> dict[Conn, str]:
    """The connections that some needs come from, and the place of each."""
    found: dict[Conn, str] = {}
    for sources in {id(j.need.sources): j.need.sources for j in verdicts}.values():
        for conn, place in connections(sources).items():
            found.setdefault(conn, place)
    return found


def connections(sources: Iterable[Source]) -> dict[Conn, str]:
    """The connections among some sources, and the place of each."""
    found: dict[Conn, str] = {}
    for source in sources:
        if source.conn:
            found.setdefault((source.daemon, source.conn), source.place)
    return found


def _key(reason: Reason) -> _Key:
    obstacle = reason.obstacle
    if reason.option:
        package = "" if reason.remedy == f"a kernel with {reason.option}" else reason.remedy
        return "not built", bool(obstacle), package
    if obstacle and obstacle.lines and reason.form is Form.KEPT_OUT:
        files = frozenset(place.rpartition(":")[0] for place in obstacle.lines.places)
        return obstacle.kind.name, files, obstacle.lines.decision
    if obstacle and reason.form in (Form.WHOLE, Form.KEPT_OUT):
        return obstacle.kind.name, reason.form, reason.remedy
    text = reason.text if reason.form in (Form.WHOLE, Form.ANSWER) else reason.rest
    return reason.form, text, reason.remedy


def _cause(group: Sequence[tuple[Reason, NeedVerdict]], verdicts: Sequence[NeedVerdict]) -> Cause:
    reasons = tuple(dict.fromkeys(reason for reason, _ in group))
    met_at = tuple({id(judged): judged for _, judged in group}.values())
    first = reasons[0]
    obstacle = first.obstacle
    answers = (r.text for judged in met_at for r in judged.reasons if r.form is Form.ANSWER)
    found = Cause(
        verdict=met_at[0].verdict,
        text="",
        remedy=first.remedy,
        answers=tuple(dict.fromkeys(answers)) if first.form is not Form.ANSWER else (),
        met_at=met_at,
    )
    if first.option:
        return _not_built(found, reasons, verdicts)
    if obstacle and obstacle.lines and first.form is Form.KEPT_OUT:
        return _forbidden(found, reasons)
    if first.form in (Form.WHOLE, Form.ANSWER):
        return found._replace(text="; ".join(_some([r.text for r in reasons], _SENTENCES)))
    about = _some(name for reason in reasons for name in reason.about)
    said = "; ".join(_some((reason.rest for reason in reasons), _SENTENCES))
    return found._replace(text=first.form.of(about, said))


def _some(names: Iterable[str], most: int = _NAMES) -> list[str]:
    """All of a few; of many the last one says how many more there are."""
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - most
    if more < 2:
        return distinct
    return [*distinct[: most - 1], f"{distinct[most - 1]} and {more} more"]


def _forbidden(cause: Cause, reasons: Sequence[Reason]) -> Cause:
    """Modules that lines of the same files keep out: one decision of whoever set them."""
    about = _some(name for reason in reasons for name in reason.about)
    lines = [reason.obstacle.lines for reason in reasons if reason.obstacle]
    places = sorted({place for found in lines if found for place in found.places}, key=_by_line)
    decision = next(found.decision for found in lines if found)
    said = "; ".join(_some((reason.rest for reason in reasons), _SENTENCES))
    return cause._replace(
        text=Form.KEPT_OUT.of(about, said),
        remedy=ForbiddingLines(tuple(places), decision).remedy,
    )


def _by_line(place: str) -> tuple[str, int, str]:
    file, _, line = place.rpartition(":")
    return file, int(line) if line.isdecimal() else 0, line


def _not_built(cause: Cause, reasons: Sequence[Reason], verdicts: Sequence[NeedVerdict]) -> Cause:
    """What the kernel was built without: what has a name of its own comes first."""
    titles = {r.option: " ".join(r.about).removeprefix("the ") for r in reasons}
    whole = [option for option, title in titles.items() if title]
    parts = [option for option, title in titles.items() if not title]
    protocols = {r.obstacle.protocol: None for r in reasons if r.obstacle and r.obstacle.protocol}
    named = whole[: len(protocols)] if protocols else whole or parts
    options = listed(_some(named))
    if reasons[0].obstacle:
        why = f"{options} {'is' if len(named) == 1 else 'are'} not set"
    else:
        why = f"nothing that {options} would build answers"
    if protocols:
        text = f"This kernel has no {listed(list(protocols))} at all ({why})"
    elif whole:
        text = f"This kernel has no {listed(_some(titles[option] for option in whole))} ({why})"
    else:
        text = f"This kernel has not all algorithms ({why})"
    effect = effect_of(cause, verdicts)
    if len(cause.met_at) == len(verdicts) or effect.is_all:
        text += f": {'no connection' if effect.is_all else 'nothing of this'} can work"
    elif whole and parts:
        text += f", and not all algorithms ({listed(_some(parts))})"
    package = cause.remedy != f"a kernel with {reasons[0].option}"
    remedy = cause.remedy
    if not package:
        facts = ({"kind": "another kernel", "option": option} for option in titles)
        remedy = Sentence(f"a kernel with {listed(list(titles))}", *facts)
    return cause._replace(text=text, remedy=remedy)
