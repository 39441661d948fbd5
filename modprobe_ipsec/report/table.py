# SPDX-License-Identifier: GPL-3.0-or-later
"""Aligned plain text, and the little colour that a terminal gets."""

from modprobe_ipsec.base.annotations import Sequence
from modprobe_ipsec.base.text import printable

_COLOURS = {
    "blocked": "31;1",
    "missing": "31;1",
    "unknown": "35",
    "loadable": "33",
    "slow": "33",
    "ready": "32",
}


def table(rows: Sequence[Sequence[str]], *, colour: bool, indent: str = "") -> list[str]:
    """Lines with aligned columns, all of it printable; the last column may be of any length.

    With `colour`, a cell that is a verdict gets that verdict's colour.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [printable(cell).ljust(width) for cell, width in zip(row, widths, strict=True)]
        if colour:
            pairs = zip(row, cells, strict=True)
            cells = [paint(padded, _COLOURS.get(cell, "")) for cell, padded in pairs]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines


def paint(text: str, code: str) -> str:
    """`text` in the colour of an SGR code, padding outside."""
    bare = text.rstrip()
    return f"\033[{code}m{bare}\033[0m{text[len(bare) :]}" if code else text
