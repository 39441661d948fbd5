# SPDX-License-Identifier: GPL-3.0-or-later
"""Values and file names, quoted or not, as both of strongSwan's lexers take them apart.

The lexers differ in what may stand without quotes, which is the callers' part, and in what an
escape is: that of settings also drops carriage returns.
source: src/starter/parser/lexer.l, src/libstrongswan/settings/settings_lexer.l
"""

import re

# With the quotes.
QUOTED = r'"(?:[^"\\]|\\[\s\S])*+"'
# A line's end behind a backslash goes; other characters stand for themselves or are in _LETTERS.
ESCAPE = re.compile(r"\\(?:\r?(\n)|([\s\S]))")
ESCAPE_OR_RETURN = re.compile(rf"{ESCAPE.pattern}|\r")
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}


def unquote(quoted: str, escape: re.Pattern[str]) -> str:
    """What stands between the quotes."""
    return escape.sub(_unescape, quoted[1:-1])


def parts(
    part: re.Pattern[str], text: str, at: int, escape: re.Pattern[str]
) -> tuple[list[str], int]:
    """The parts of a value, quoted (group 1) or not (group 2), and where it ends."""
    found = []
    while match := part.match(text, at):
        quoted, bare = match.groups()
        found.append(bare if bare is not None else unquote(quoted, escape))
        at = match.end()
    return found, at


def file_name(
    piece: re.Pattern[str], text: str, at: int, escape: re.Pattern[str]
) -> tuple[str, int, bool]:
    """The file name after `include`, where it ends, and whether a quoted piece did that.

    Pieces are quoted (group 1), an escaped character (group 2), or plain (group 3).
    """
    found: list[str] = []
    while match := piece.match(text, at):
        quoted, escaped, bare = match.groups()
        at = match.end()
        if quoted is not None:
            return "".join([*found, unquote(quoted, escape)]), at, True
        found.append(escaped or bare or "")
    return "".join(found), at, False


def _unescape(match: re.Match[str]) -> str:
    char = match[2] or ""
    return _LETTERS.get(char, char)
