# SPDX-License-Identifier: GPL-3.0-or-later
"""Aligned plain text, and the little colour that a terminal gets."""

from modprobe_ipsec.base.annotations import Sequence
from modprobe_ipsec.base.text import LINE, line

_COLOURS = {
    "blocked": "31;1",
    "missing": "31;1",
    "unknown": "35",
    "loadable": "33",
    "slow": "33",
    "ready": "32",
}


def table(rows: Sequence[Sequence[str]], *, colour: bool, indent: str = "") -> list[str]:
    """Lines with aligned columns, all of it printable and none longer than `LINE`.

    With `colour`, a verdict in the first column gets that verdict's colour.
    """
    widths = [min(max(map(len, column)), LINE) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        text = line((indent + "  ".join(cells)).rstrip())
        if colour and (code := _COLOURS.get(row[0])):
            end = len(indent) + len(row[0])
            text = f"{paint(text[:end], code)}{text[end:]}"
        lines.append(text)
    return lines


def paint(text: str, code: str) -> str:
    """`text` in the colour of an SGR code."""
    return f"\033[{code}m{text}\033[0m"
