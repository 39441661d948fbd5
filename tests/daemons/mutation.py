# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that nobody wrote: what robustness tests make of those that somebody did."""

from collections.abc import Sequence
from random import Random


def mutated(random: Random, text: str, odd: Sequence[str]) -> str:
    """A text with some places changed, moved or replaced by something odd."""
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        at, end = sorted((random.randint(0, len(text)), random.randint(0, len(text))))
        match random.randrange(5):
            case 0:
                text = text[:at] + random.choice(odd) + text[at:]
            case 1:
                text = text[:at] + text[min(end, at + 10) :]
            case 2:
                text = text[:at] + random.choice(odd) + text[at + 1 :]
            case 3:
                text = text[:at] + text[at : at + 80] + text[at:]
            case _:
                text = text[:at] + text[end : end + 40] + text[at:]
    return text
