# SPDX-License-Identifier: GPL-3.0-or-later
"""Where answers and complaints go."""

import os
import sys
from io import TextIOWrapper

from modprobe_ipsec.base.annotations import TextIO
from modprobe_ipsec.base.errors import Error
from modprobe_ipsec.base.text import line
from modprobe_ipsec.commands.command_line import PROGRAM


def prepare() -> None:
    """Make the standard files such that writing to them raises nothing but OSError."""
    # None is what Python has where it was started without one
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    if isinstance(sys.stdout, TextIOWrapper):
        # names in a configuration may have letters that the user's encoding has not
        sys.stdout.reconfigure(errors="backslashreplace")


def put(text: str, *, utf_8: bool = False) -> None:
    """Write an answer at once: nobody else flushes what a run leaves behind.

    In `utf_8` whatever the user's encoding is, for readers that take nothing else.
    """
    try:
        if utf_8 and isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Error(f"the answer cannot be written: {error.strerror}") from None


def complain(text: str) -> None:
    """Say something on standard error, in one line."""
    try:
        print(f"{PROGRAM}: {line(text)}", file=sys.stderr)
    except OSError:
        # the exit code says it even where nobody can be told
        return


def _nowhere() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
