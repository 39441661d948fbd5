# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for error numbers, and text that does nothing but show, whoever wrote what is in it.

Whatever leaves this program leaves as `line`s, `name`s in them, and the `first` of many.
"""

import errno
from os import strerror

from modprobe_ipsec.base.annotations import Iterable, Mapping, Sequence, TypeVar

__all__ = [
    "LINE",
    "SHOWN",
    "Fact",
    "Sentence",
    "cut",
    "errno_of",
    "error_text",
    "facts_of",
    "file_and_line",
    "first",
    "line",
    "listed",
    "name",
    "printable",
    "reason",
    "strerror",
]

# Characters of a line that leaves. journald splits a longer one (LineMax=, 48 KiB), and reads the
# rest as a line of its own, with a level of its author's choice.
LINE = 1000
# Of one kind of thing, that a report names; the others are counted.
SHOWN = 50
# Characters of a name in a line: of a connection, a file, a program.
_NAME = 200

_T = TypeVar("_T")

# What a sentence says, for programs: its `kind`, and whatever else there is to name.
Fact = Mapping[str, "str | int"]


class Sentence(str):
    """A text for people that keeps beside it, in fields, what it says.

    To whoever only prints or compares it, it is a text like any other.
    """

    __slots__ = ("facts",)

    facts: tuple[Fact, ...]

    def __new__(cls, text: str, *facts: Fact) -> "Sentence":
        """Each fact has at least a `kind`."""
        made = super().__new__(cls, text)
        made.facts = facts
        return made


def file_and_line(place: str) -> dict[str, str | int]:
    """`/etc/modprobe.d/x.conf:3` in fields; of what is no line of a file, nothing."""
    file, colon, line = place.rpartition(":")
    if colon and line.isascii() and line.isdecimal() and len(line) < 10:
        return {"file": file, "line": int(line)}
    return {"file": place} if place.startswith("/") else {}


def facts_of(text: str) -> tuple[Fact, ...]:
    """What a text says in fields; nothing of one that is only for people."""
    return text.facts if isinstance(text, Sentence) else ()


def error_text(number: int) -> str:
    """`Operation not permitted (EPERM)`."""
    return f"{strerror(number)} ({errno_of(number)})"


def errno_of(number: int) -> str:
    """`EPERM`; the number itself where it has no name."""
    return errno.errorcode.get(number, str(number))


def reason(error: OSError) -> str:
    """`permission denied`: why something failed, as part of a sentence."""
    return (error.strerror or str(error)).lower()


def listed(names: Sequence[str]) -> str:
    """`a, b and c`; empty without any."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def printable(text: str) -> str:
    """One line that does nothing but show, whatever a configuration put into it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c == "\t" else "?" for c in text)


def cut(text: str, most: int = LINE) -> str:
    """At most `most` characters: the middle goes, since what is wrong often stands at the end."""
    if len(text) <= most:
        return text
    gone = f" ... ({len(text)} characters) ... "
    end = (most - len(gone)) // 3
    return f"{text[: most - len(gone) - end]}{gone}{text[-end:]}"


def line(text: str, most: int = LINE) -> str:
    """One printable line of at most `most` characters."""
    return printable(cut(text, most))


def name(text: str) -> str:
    """A name that somebody else chose, as part of a line."""
    return line(text, _NAME)


def first(things: Iterable[_T], most: int = SHOWN) -> tuple[list[_T], int]:
    """The first of many, and how many more there are."""
    found = list(things)
    return found[:most], max(0, len(found) - most)
