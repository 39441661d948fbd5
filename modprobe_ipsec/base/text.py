# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for error numbers, and text that does nothing but show."""

import errno
from os import strerror

__all__ = ["error_text", "printable", "reason", "strerror"]


def error_text(number: int) -> str:
    """`Operation not permitted (EPERM)`."""
    return f"{strerror(number)} ({errno.errorcode.get(number, number)})"


def reason(error: OSError) -> str:
    """`permission denied`: why something failed, as part of a sentence."""
    return (error.strerror or str(error)).lower()


def printable(text: str) -> str:
    """One line that does nothing but show, whatever a configuration put into it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c == "\t" else "?" for c in text)
