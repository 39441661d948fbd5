# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one command line, and turns whatever ends it into one line and an exit code."""

import os
import sys
import time

from modprobe_ipsec.base.annotations import Callable, Sequence
from modprobe_ipsec.base.errors import Error, OutOfTime, as_error
from modprobe_ipsec.commands import output, verbs
from modprobe_ipsec.commands.command_line import parse

# What a shell says of a program that SIGPIPE has ended.
_BROKEN_PIPE = 141


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns the exit code."""
    output.prepare()
    run = lambda: verbs.run(parse(argv))  # noqa: E731
    return guarded(run, debug="--debug" in argv, format=_format(argv))


def guarded(run: Callable[[], int], *, debug: bool = False, format: str = "") -> int:
    """The exit code of `run`, or of the error that ended it, which is then said in a line.

    `format` is what was asked for: its reader may want to know on standard output as well, or by
    other exit codes.
    """
    try:
        return run()
    except BrokenPipeError:
        # Who read our output has gone; keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except OutOfTime:
        error = Error("what is read here takes too much processor time, and was given up")
    except MemoryError:
        error = Error("what is read here takes too much memory, and was given up")
    except Exception as any_error:
        if debug:
            sys.stderr.write(traceback_of(any_error))
        error = as_error(any_error)
    code = _told(error, format)
    _say(error)
    return code


def _format(argv: Sequence[str]) -> str:
    """What the last `--format` says, of a command line that may be wrong."""
    asked = ""
    for at, word in enumerate(argv):
        if word == "--format":
            asked = argv[at + 1] if at + 1 < len(argv) else ""
        elif word.startswith("--format="):
            asked = word.removeprefix("--format=")
    return asked


def _told(error: Error, format: str) -> int:
    """Say it to whoever reads standard output, too, if that is no human; the exit code for it."""
    if format in ("", "text"):
        return error.exit_code
    from modprobe_ipsec.commands.reporting import run_since
    from modprobe_ipsec.report import formats

    if format not in formats.names():
        return error.exit_code
    try:
        text = formats.failure(format, error, run_since(time.time()))
        output.put(text, utf_8=formats.is_utf_8(format))
    except (Error, OSError):
        # the line on standard error, and the exit code, say it as well
        pass
    return formats.exit_code(format, error.exit_code)


def traceback_of(error: BaseException) -> str:
    """Where in the program it arose, in lines that do nothing but show."""
    from traceback import format_exception

    return "".join(format_exception(error)).encode("ascii", "backslashreplace").decode()


def _say(error: Error) -> None:
    output.complain(error.message)
    if error.hint:
        output.complain(error.hint)
