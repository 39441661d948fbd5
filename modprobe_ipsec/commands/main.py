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
    json = _asks_for_json(argv)
    return guarded(lambda: verbs.run(parse(argv)), debug="--debug" in argv, json=json)


def guarded(run: Callable[[], int], *, debug: bool = False, json: bool = False) -> int:
    """The exit code of `run`, or of the error that ended it, which is then said in a line.

    With `json` also to whoever reads standard output, as the object that is there instead of an
    answer.
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
    if json:
        _tell(error)
    return _said(error)


def _asks_for_json(argv: Sequence[str]) -> bool:
    """Whether the last `--format` says so, of a command line that may be wrong."""
    asked = ""
    for at, word in enumerate(argv):
        if word == "--format":
            asked = argv[at + 1] if at + 1 < len(argv) else ""
        elif word.startswith("--format="):
            asked = word.removeprefix("--format=")
    return asked == "json"


def _tell(error: Error) -> None:
    from modprobe_ipsec.commands.reporting import run_since
    from modprobe_ipsec.report.formats.json import failure

    try:
        output.put(failure(error, run_since(time.time())))
    except (Error, OSError):
        # the line on standard error, and the exit code, say it as well
        return


def traceback_of(error: BaseException) -> str:
    """Where in the program it arose, in lines that do nothing but show."""
    from traceback import format_exception

    return "".join(format_exception(error)).encode("ascii", "backslashreplace").decode()


def _said(error: Error) -> int:
    output.complain(error.message)
    if error.hint:
        output.complain(error.hint)
    return error.exit_code
