# SPDX-License-Identifier: GPL-3.0-or-later
"""One line of libreswan's ipsec.conf taken apart, as its flex rules do.

Written out rather than as patterns: importing `re` takes a tenth of a start-up.
source: lib/libipsecconf/parser.lex of 5.2; 4.10 differs where it is said
"""

from modprobe_ipsec.base.annotations import Iterable, Iterator
from modprobe_ipsec.base.value import Value

_BLANKS = " \t"
# What ends a word.
_ENDS = frozenset(' \t"=')
# Without one of these, all that is left of a line is its value.
_SPECIAL = frozenset(' \t"{}')
# A word that the lexer itself makes a number of.
_FOREVER = "%forever"
_NUMBERS = frozenset("0123456789%")


class Assignment(Value):
    """`key = value` as the lexer hands it on."""

    # In lower case.
    key: str
    value: str
    # Digits, and nothing at all, are something else to 4.x where no quotes are around them.
    quoted: bool


class BadLine(Exception):
    """A line that libreswan's parser stops at."""


class CarriageReturn(Exception):
    """A Windows line end: libreswan takes it for part of a `name` or `value`."""

    def __init__(self, part: str) -> None:
        super().__init__(
            f"the line ends with a carriage return, which libreswan takes for part of the {part}; "
            "write the file with Unix line ends"
        )


def word(line: str) -> str:
    """What the line starts with, up to a blank, a quote or a `=`."""
    return _until(line, _ENDS)


def is_private(key: str) -> bool:
    """Whether it is an option, `x-...`, that libreswan leaves to others."""
    return len(key) > 2 and key[0] in "xX" and key[1] in "-_"


def is_number(text: str) -> bool:
    """Whether it is a decimal number: nothing but ASCII digits."""
    return text.isascii() and text.isdigit()


def is_blank(line: str) -> bool:
    """Whether there is nothing but blanks and a comment."""
    return line.lstrip(_BLANKS)[:1] in ("", "#")


def is_word_comment(line: str) -> bool:
    """Whether it is a comment that flex would take for a word, did not its end of line follow."""
    text = line.lstrip(_BLANKS)
    return text[:1] == "#" and word(text) == text


def halves(body: str) -> tuple[str, str] | None:
    """`key = value` -> both, the latter as it stands there; None for what is no such line.

    flex skips what it does not know before the `=`.
    """
    left, equals, right = body.partition("=")
    key = left if _ENDS.isdisjoint(left) else word(left)
    return (key, right.lstrip(_BLANKS)) if key and equals else None


def assignment(key: str, text: str) -> Assignment:
    """The value taken apart. Raises BadLine."""
    return Assignment(key, value(text), text != "" and not starts_as_number(text))


def starts_as_number(text: str) -> bool:
    """Whether the lexer takes what comes first, without quotes, for a number."""
    if text[:1] not in _NUMBERS:
        return False
    first = _until(text, _BLANKS)
    return first == _FOREVER or is_number(first)


def value(text: str) -> str:
    """The value in a text, which must be all that is there but for a comment."""
    rest = text.lstrip(_BLANKS)
    if _SPECIAL.isdisjoint(rest):
        return "0" if rest == _FOREVER else rest
    length, found = max(_readings(rest), key=lambda reading: reading[0], default=(0, ""))
    end(rest[length:])
    return "0" if rest[:length] == _FOREVER else found


def _readings(text: str) -> Iterator[tuple[int, str]]:
    """What may be a value, and how much of the text that takes; the longest one counts.

    Of two of the same length it is the first.
    """
    head, quote, tail = text.partition('"')
    if quote and not head:
        inside, closed, _ = tail.partition('"')
        if closed:
            yield len(inside) + 2, inside
    if text[:1] == "{" and (last := head.rfind("}")) > 0:
        yield last + 1, text[1:last]
    for ends in (' \t"', " \t{}"):
        if plain := _until(text, ends):
            yield len(plain), plain


def end(rest: str) -> None:
    """See that nothing is left but a comment. Raises BadLine."""
    rest = rest.lstrip(' \t"')
    if not rest:
        return
    if rest[0] != "#":
        raise BadLine("a value with blanks must be put in quotes, and nothing may follow it")
    # flex takes `#word` for a word and `# word` for a comment
    if word(rest) == rest:
        raise BadLine("this is no comment to libreswan: a blank must follow the `#`")


def _until(text: str, ends: Iterable[str]) -> str:
    """What comes before any of some characters."""
    for char in ends:
        text = text.partition(char)[0]
    return text
