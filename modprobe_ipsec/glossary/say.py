# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries as text for people, and as data for programs. Pure."""

import textwrap

from modprobe_ipsec.base.annotations import Any, Iterable, Iterator, Mapping, Sequence
from modprobe_ipsec.base.text import line, printable
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.glossary.entry import Entry, Here
from modprobe_ipsec.glossary.log import Finding, Found

_WIDTH = 100
_COLUMN = 10
# As many line numbers are told of one finding.
_LINES = 5


class Explained(Value):
    """One entry, and how it stands on the host that is looked at."""

    chapter: str
    # What the chapter is about.
    about: str
    entry: Entry
    here: tuple[Here, ...]


def text(answers: Sequence[Explained], titles: Mapping[str, str]) -> str:
    """All of them, one after the other; `titles` has what people call each daemon."""
    blocks = ["".join(f"{each}\n" for each in _lines(answer, titles)) for answer in answers]
    return "\n".join(blocks)


def _lines(answer: Explained, titles: Mapping[str, str]) -> Iterator[str]:
    term = answer.entry.term
    others = f" ({', '.join(term.also)})" if term.also else ""
    yield from _wrapped(f"{term.name}{others}", "", "    ")
    yield from _row("chapter", f"{answer.chapter}: {answer.about}")
    yield from _row("is", term.what)
    rows = (
        ("does", term.does),
        ("when", term.when),
        ("needs", term.needs),
        ("since", term.since),
        ("errno", term.errno),
        ("remedy", term.remedy),
    )
    for label, said in rows:
        if said:
            yield from _row(label, said)
    for number, (said, daemons) in enumerate(term.by_line.items()):
        names = ", ".join(titles[daemon] for daemon in daemons)
        yield from _row("" if number else "daemons", f"{names}: {said}")
    for number, here in enumerate(answer.here):
        yield from _row("here" if not number else "", line(here.text))
        if here.remedy:
            yield from _row("", f"to do: {line(here.remedy)}")
    if term.source:
        yield from _row("source", term.source)


def log_text(found: Found, explained: Sequence[tuple[Finding, Explained]]) -> str:
    """What a log says, finding by finding, and then what stands in the way on this host."""
    more = ", and no more was read" if found.cut else ""
    lines = [f"{found.lines} line{'s' * (found.lines != 1)} read{more}"]
    here: dict[Here, set[int]] = {}
    for finding, answer in explained:
        term = answer.entry.term
        lines += ["", f"{_where(finding.lines, finding.times)}: {term.name}"]
        for label, said in (("is", term.what), ("does", term.does), ("remedy", term.remedy)):
            lines += _row(label, said) if said else ()
        for each in answer.here:
            here.setdefault(each, set()).update(finding.lines)
    if not explained:
        lines += ["", "nothing in it is known here"]
    elif here:
        lines += ["", "on this host:"]
        for each, numbers in here.items():
            at = _where(sorted(numbers), 0)
            lines += _wrapped(f"{line(each.text)} ({at})", "  ", "    ")
            lines += (
                _wrapped(f"to do: {line(each.remedy)}", "    ", "      ") if each.remedy else ()
            )
    elif any(answer.entry.term.asks for _, answer in explained):
        said = "on this host: nothing is in the way now of what its configuration asks for"
        lines += ["", said]
    return "".join(f"{each}\n" for each in lines)


def _where(lines: Sequence[int], times: int) -> str:
    """`lines 3, 8 and 4 more (9 times)`."""
    shown = ", ".join(map(str, lines[:_LINES]))
    rest = len(lines) - _LINES
    more = f" and {rest} more" if rest > 0 else ""
    often = f" ({times} times)" if times > len(lines) else ""
    return f"line{'s' * (len(lines) > 1)} {shown}{more}{often}"


def _row(label: str, said: str) -> Iterable[str]:
    return _wrapped(said, f"  {label}".ljust(_COLUMN), " " * _COLUMN)


def _wrapped(said: str, first: str, rest: str) -> Iterable[str]:
    return textwrap.wrap(
        printable(said),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def listed(names: Iterable[tuple[str, str]], column: int) -> str:
    """Names with what each is about, a line each."""
    lines = (
        _wrapped(f"{name.ljust(column)}  {about}", "  ", " " * (column + 4))
        for name, about in names
    )
    return "".join(f"{each}\n" for group in lines for each in group)


def in_columns(words: Sequence[str]) -> str:
    """Many words, several to a line."""
    return "".join(f"{each}\n" for each in _wrapped(", ".join(words), "  ", "  "))


def data(answer: Explained) -> dict[str, Any]:
    """One answer with the keys of docs/json.md; what is not known is left out."""
    term = answer.entry.term
    known = {
        "name": term.name,
        "chapter": answer.chapter,
        "also": list(term.also),
        "is": term.what,
        "does": term.does,
        "when": term.when,
        "needs": term.needs,
        "since": term.since,
        "errno": term.errno,
        "remedy": term.remedy,
        "daemons": dict(term.daemons),
        "asks": list(term.asks),
        "values": list(term.values),
        "source": term.source,
        "here": [here._asdict() for here in answer.here],
    }
    return {key: value for key, value in known.items() if value}
