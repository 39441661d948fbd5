# SPDX-License-Identifier: GPL-3.0-or-later
"""One line of libreswan's ipsec.conf taken apart, as its flex rules do.

source: lib/libipsecconf/parser.lex of 5.2; 4.10 differs where it is said
"""

import re

from modprobe_ipsec.daemons.common.errors import show

BLANK = re.compile(r"[ \t]*(?:#.*)?\Z")
COMMENT = re.compile(r'[ \t]*#[^"= \t]*\Z')
WORD = re.compile(r'[^"= \t]+')
# `key = value`; flex skips what it does not know before the `=`. Without ++ it would look for the
# `=` once for each character of the key.
SETTING = re.compile(r'([^"= \t]++)[^=]*+=[ \t]*')
_PLAIN = re.compile(r'[^"{} \t]+')
# A value in order of preference; the longest one counts.
_VALUES = (
    re.compile(r'"([^"]*)"'),
    re.compile(r'\{([^"]*)\}'),
    re.compile(r'([^" \t]+)'),
    re.compile(r"([^{} \t]+)"),
)
# A word that the lexer itself makes a number of.
_FOREVER = "%forever"
NUMBER = re.compile(r"(?:[0-9]+|%forever)(?![^ \t])")
PRIVATE = re.compile(r"[Xx][_-].")


class BadLine(Exception):
    """A line that libreswan's parser stops at."""


class CarriageReturn(Exception):
    """A Windows line end: libreswan takes it for part of a `name` or `value`."""

    def __init__(self, part: str) -> None:
        super().__init__(
            f"the line ends with a carriage return, which libreswan takes for part of the {part}; "
            "write the file with Unix line ends"
        )


def value(line: str, start: int) -> str:
    """The value from `start` on, which must be all that is left of the line but a comment."""
    rest = line[start:].lstrip(" \t")
    match = _PLAIN.match(rest)
    if match and match.end() == len(rest):
        return "0" if rest == _FOREVER else rest
    if not rest:
        return ""
    longest = max(
        (match for pattern in _VALUES if (match := pattern.match(rest))),
        key=lambda match: match.end(),
    )
    end(rest, longest.end())
    return "0" if longest[0] == _FOREVER else longest[1]


def end(line: str, start: int) -> None:
    """See that nothing follows but a comment. Raises Unreadable."""
    rest = line[start:].lstrip(' \t"')
    if not rest:
        return
    if rest[0] != "#":
        raise BadLine(
            f"`{show(rest)}` stands behind the value: one with blanks must be put in quotes"
        )
    # flex takes `#word` for a word and `# word` for a comment
    if (word := WORD.match(rest)) and word.end() == len(rest):
        raise BadLine(f"`{show(rest)}` is no comment to libreswan: a blank must follow the `#`")
