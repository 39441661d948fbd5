# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions as numbers that compare: of kernels, of packages and of daemons."""

# A longer number is no part of a version, and to compare it would cost.
_LONGEST = 6


def numbers(text: str) -> tuple[int, ...]:
    """The numbers that a version begins with, whatever parts them.

    `6.12.117+deb13-amd64` -> 6, 12, 117; `6.12.86-1` -> 6, 12, 86, 1; `4.10-2+deb12u1` -> 4, 10, 2.
    Empty for what begins otherwise.
    """
    found: list[int] = []
    for word in text.replace("-", ".").split("."):
        digits = len(word) - len(word.lstrip("0123456789"))
        if not 0 < digits <= _LONGEST:
            break
        found.append(int(word[:digits]))
        if digits < len(word):
            break
    return tuple(found)
