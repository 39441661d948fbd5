# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds in a log what the glossary explains: error numbers, texts, counters. Pure.

A log may hold whatever somebody could make a daemon write, and secrets. So the work is bounded, and
nothing of a line is ever quoted: only its number is told.
"""

import re
from bisect import bisect_right
from errno import errorcode

from modprobe_ipsec.base.annotations import Iterable, Iterator, Sequence
from modprobe_ipsec.base.text import errno_of, strerror
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.glossary.book import Book
from modprobe_ipsec.glossary.entry import Entry, Lead

# Bytes and lines that are looked at, and places that are remembered of each finding.
MAX_BYTES = 16 << 20
MAX_LINES = 200_000
_PLACES = 1000

# Chapters whose names are texts that stand in logs as they are.
_VERBATIM = ("texts", "lines")
_ERRORS, _COUNTERS = "errors", "counters"
# `(errno 93)`, `errno=93`, `errno: 93`; the name itself.
_NUMBER = re.compile(r"\berrno[ =:]{1,3}(\d{1,3})\b", re.IGNORECASE)
# Newer ones put the kernel's own text in place of the errno's: `netlink error: Requested ... (93)`.
_IN_PLACE = re.compile(r"\bnetlink error: [^\n]{1,200} \((\d{1,3})\)")
_NAME = re.compile(r"\b(E[A-Z0-9]{3,15})\b")
# Programs at whose lines' end the text of an errno alone is taken for one.
_PROGRAMS = (
    *(daemon.program for daemon in DAEMONS.values()),
    *("ipsec", "modprobe", "RTNETLINK", "xfrm"),
)
# Characters before it in which they are looked for.
_NEAR = 400
# A counter that is not zero.
_COUNTED = re.compile(r"\b(Xfrm[A-Z][A-Za-z]{3,30})[ \t:=]{1,40}0*[1-9][0-9]{0,20}\b")


class Finding(Value):
    """One term of the glossary in a log."""

    chapter: str
    entry: Entry
    # Numbers of the lines where it stands, from 1 on, in order; no more than the first thousand.
    lines: tuple[int, ...]
    # In how many places in all.
    times: int


class Found(Value):
    """What came of reading a log."""

    findings: tuple[Finding, ...]
    # How many lines were looked at, and whether there were more.
    lines: int
    cut: bool


def search(text: str, book: Book) -> Found:
    """Every term that the log has, in the order of their first lines."""
    cut = False
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    if len(starts) > MAX_LINES:
        text, cut = text[: starts[MAX_LINES]], True
        del starts[MAX_LINES:]
    if len(starts) > 1 and starts[-1] == len(text):
        starts.pop()
    findings = [
        Finding(chapter, lead.entry(), tuple(sorted({_line(starts, at) for at in places})), count)
        for chapter, lead, places, count in _places(text, book)
    ]
    findings.sort(key=lambda finding: finding.lines[0])
    return Found(tuple(findings), len(starts) if text else 0, cut)


def _line(starts: Sequence[int], at: int) -> int:
    return bisect_right(starts, at)


def _places(text: str, book: Book) -> Iterator[tuple[str, Lead, list[int], int]]:
    """Each term that is there, with the first places and their number."""
    for chapter, lead, places in _verbatim(text, book):
        yield chapter, lead, places, len(places)
    for chapter, matches in ((_ERRORS, _errors(text)), (_COUNTERS, _counters(text))):
        leads = {name: lead for lead in book.chapter(chapter).leads for name in lead.names}
        by_lead: dict[str, list[int]] = {}
        for name, at in matches:
            if name in leads:
                by_lead.setdefault(leads[name].names[0], []).append(at)
        for first, places in by_lead.items():
            yield chapter, leads[first], places[:_PLACES], len(places)


def _verbatim(text: str, book: Book) -> Iterator[tuple[str, Lead, list[int]]]:
    """Terms that stand there as they are; one within a longer one does not count."""
    leads = [(chapter, lead) for chapter in _VERBATIM for lead in book.chapter(chapter).leads]
    found = [
        (at, -len(name), number)
        for number, (_, lead) in enumerate(leads)
        for name in lead.names
        for at in _each(text, name)
    ]
    places: dict[int, list[int]] = {}
    end = 0
    for at, length, number in sorted(found):
        if at - length > end:
            end = at - length
            places.setdefault(number, []).append(at)
    for number, starts in places.items():
        yield *leads[number], starts


def _each(text: str, name: str) -> Iterator[int]:
    at = text.find(name)
    for _ in range(_PLACES):
        if at < 0:
            return
        yield at
        at = text.find(name, at + len(name))


def _errors(text: str) -> Iterable[tuple[str, int]]:
    """Names of errnos, and their places: by number, by name, and by text with number."""
    for match in _NUMBER.finditer(text):
        yield errno_of(int(match[1])), match.start()
    for match in _IN_PLACE.finditer(text):
        if strerror(int(match[1])) not in match[0]:
            yield errno_of(int(match[1])), match.start()
    for match in _NAME.finditer(text):
        yield match[1], match.start()
    for number in errorcode:
        said = strerror(number)
        for at in _each(text, said):
            end = at + len(said)
            if text.startswith(f" ({number})", end) or _ends_a_line(text, at, end):
                yield errno_of(number), at


def _ends_a_line(text: str, at: int, end: int) -> bool:
    """Whether text[at:end] is the last word of a line of one of the programs."""
    if text[end : end + 1] not in ("", "\n") or text[at - 2 : at] != ": ":
        return False
    before = text[max(0, at - _NEAR) : at].rpartition("\n")[2]
    return any(program in before for program in _PROGRAMS)


def _counters(text: str) -> Iterable[tuple[str, int]]:
    return ((match[1], match.start()) for match in _COUNTED.finditer(text))
