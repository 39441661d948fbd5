# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one command line, and turns whatever ends it into one line and an exit code."""

import os
import sys

from modprobe_ipsec.base.annotations import Callable, Sequence
from modprobe_ipsec.base.errors import Error, OutOfTime, as_error
from modprobe_ipsec.commands import output, verbs
from modprobe_ipsec.commands.command_line import parse

# What a shell says of a program that SIGPIPE has ended.
_BROKEN_PIPE = 141


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns the exit code."""
    output.prepare()
    return guarded(lambda: verbs.run(parse(argv)), debug="--debug" in argv)


def guarded(run: Callable[[], int], *, debug: bool = False) -> int:
    """The exit code of `run`, or of the error that ended it, which is then said in a line."""
    try:
        return run()
    except BrokenPipeError:
        # Who read our output has gone; keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except OutOfTime:
        return _said(Error("what is read here takes too much processor time, and was given up"))
    except MemoryError:
        return _said(Error("what is read here takes too much memory, and was given up"))
    except Exception as error:
        if debug:
            sys.stderr.write(traceback_of(error))
        return _said(as_error(error))


def traceback_of(error: BaseException) -> str:
    """Where in the program it arose, in lines that do nothing but show."""
    from traceback import format_exception

    return "".join(format_exception(error)).encode("ascii", "backslashreplace").decode()


def _said(error: Error) -> int:
    output.complain(error.message)
    if error.hint:
        output.complain(error.hint)
    return error.exit_code
