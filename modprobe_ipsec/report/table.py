# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain text that fits a width: paragraphs, columns, and the little colour of a terminal."""

from modprobe_ipsec.base.annotations import Sequence
from modprobe_ipsec.base.text import line as line_of

# Columns, where nobody says how many there are.
WIDTH = 100
# A last column that would get less stands on lines of its own.
_NARROWEST = 24

_COLOURS = {
    "blocked": "31;1",
    "missing": "31;1",
    "unknown": "35",
    "loadable": "33",
    "slow": "33",
    "ready": "32",
}


def wrapped(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """A text in lines of at most `width`, all of it printable and cut to what a line may have.

    The first line starts with `first`, all others with `rest`, or as many spaces as `first` has. A
    word that is longer than a line is cut.
    """
    rest = " " * len(first) if rest is None else rest
    lines, line, empty = [], first, True
    for word in line_of(text).split(" "):
        if not empty and len(line) + 1 + len(word) > width:
            lines.append(line)
            line, empty = rest, True
        line += word if empty else f" {word}"
        empty = False
        while len(line) > width > len(rest):
            lines.append(line[:width])
            line = rest + line[width:]
    return [line.rstrip() for line in (*lines, line)]


def table(
    rows: Sequence[Sequence[str]], *, colour: bool = False, indent: str = "", width: int = WIDTH
) -> list[str]:
    """Lines with aligned columns, the last one wrapped to `width`, all of it printable.

    With `colour`, a cell of the first column that is a verdict gets that verdict's colour.
    """
    shown = [[line_of(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)][:-1]
    lines = []
    for *cells, last in shown:
        start = indent + "".join(
            f"{cell.ljust(wide)}  " for cell, wide in zip(cells, widths, strict=True)
        )
        if width - len(start) < _NARROWEST:
            made = [*wrapped(start.rstrip(), width), *wrapped(last, width, f"{indent}    ")]
        else:
            made = wrapped(last, width, start)
        lines += [painted(made[0], cells[0] if cells else "") if colour else made[0], *made[1:]]
    return lines


def painted(line: str, verdict: str) -> str:
    """A line that starts with a verdict, with that word in its colour."""
    code = _COLOURS.get(verdict)
    return f"\033[{code}m{verdict}\033[0m{line[len(verdict) :]}" if code else line
