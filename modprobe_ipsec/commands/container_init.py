# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's first program: looks whether IPsec works here, says what the host must do, and
becomes the daemon.

It executes the daemon in its own place: signals and the exit status are the daemon's.
"""

import os
import signal
import sys
from contextlib import redirect_stdout
from io import StringIO

from modprobe_ipsec.base.annotations import FrameType, NoReturn, Sequence
from modprobe_ipsec.base.errors import Error, UsageError, as_error
from modprobe_ipsec.base.text import line, reason
from modprobe_ipsec.commands import output, verbs
from modprobe_ipsec.commands.command_line import Arguments, parse
from modprobe_ipsec.commands.main import guarded, traceback_of
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.host.machine import container
from modprobe_ipsec.host.machine.privileges import CAP_NET_ADMIN
from modprobe_ipsec.host.root import Host

# Where a program without a slash is looked for: sbin and bin, and where the daemons hide.
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
PATH = tuple(
    dict.fromkeys(
        (
            *_PATH,
            *(path.rpartition("/")[0] for d in DAEMONS.values() for path in d.programs),
        )
    )
)
# Seconds for all that happens before the daemon.
LIMIT = 60

# Lines of the report that the log of a start has: with all else that may be said, not more than 20.
_REPORT = 15

# Exit statuses of a check after which somebody may have something to do: not yet, cannot be met,
# cannot be told.
_FOR_THE_HOST = (1, 2, 3)

_USAGE = "modprobe-ipsec-init [--require] [OPTIONS OF modprobe-ipsec] -- PROGRAM [ARGUMENTS]"
_HELP = f"""\
usage: {_USAGE}

Checks and proves, inside this container, what the daemon will ask the kernel for. Where something
is to be done, says so on stderr in a few lines (with -v in all). Then becomes PROGRAM: an absolute
path, or a name in {" ".join(PATH)}.

  --require   if not everything is ready, end with the exit status of modprobe-ipsec --check
"""


class _TooLong(BaseException):
    """The check took longer than a container's start can wait. No Exception, which others catch."""


def run() -> NoReturn:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Check, report, and become the program; returns an exit status only if it does not."""
    output.prepare()
    try:
        require, options, program = _split(arguments)
        if not program:
            sys.stdout.write(_HELP)
            return 0
        path = find(program[0])
        code = _checked(options)
    except Error as error:
        _say(error.message)
        if error.hint:
            _say(error.hint)
        return error.exit_code
    if code == UsageError.exit_code:
        # a word of ours that is misspelt, such as --require
        return code
    if code and require:
        _say(f"not starting {program[0]}: --require, and the check ended with {code}")
        return code
    try:
        os.execv(path, program)  # noqa: S606
    except OSError as error:
        # as a shell says it: found, and cannot be executed
        _say(f"{path}: {reason(error)}")
        return 126


def find(name: str) -> str:
    """The program's absolute path. Raises UsageError if there is none."""
    if "/" in name:
        if not name.startswith("/"):
            raise UsageError(f"{name}: say its absolute path, or its name alone")
        return name
    for place in PATH:
        path = f"{place}/{name}"
        if os.access(path, os.X_OK):
            return path
    raise UsageError(f"{name}: not found in {' '.join(PATH)}", "say its absolute path")


def _split(arguments: Sequence[str]) -> tuple[bool, list[str], list[str]]:
    """Whether all must be ready, what modprobe-ipsec is told, and the program."""
    words = list(arguments)
    if "--" not in words:
        if {"--help", "-h"} & set(words):
            return False, [], []
        raise UsageError(f"usage: {_USAGE}")
    middle = words.index("--")
    own, program = words[:middle], words[middle + 1 :]
    if not program:
        raise UsageError(f"usage: {_USAGE}")
    return "--require" in own, [word for word in own if word != "--require"], program


def _checked(options: Sequence[str]) -> int:
    """Check and prove; whatever there is to say is on stderr afterwards."""
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(LIMIT)
    text, said = StringIO(), ""
    debug = "--debug" in options
    try:
        asked = parse(["--check", "--prove", *options])
        if asked.verb != "check":
            # --help and --version: there is a program to start
            raise UsageError(f"usage: {_USAGE}")
        with redirect_stdout(text):
            code = guarded(lambda: verbs.run(asked), debug=debug)
        said = text.getvalue()
        if not asked.has("--verbose") and asked.value("--format") != "json":
            said = _first_lines(said)
        if code in _FOR_THE_HOST:
            said += _for_the_host(asked)
    except _TooLong:
        _say(f"the check took more than {LIMIT} s")
        code = Error.exit_code
    except Error:
        raise
    except Exception as error:
        if debug:
            sys.stderr.write(traceback_of(error))
        bug = as_error(error)
        _say(bug.message)
        code = bug.exit_code
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)
        # Python ignores these two, and the daemon would inherit that
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
    if code:
        sys.stderr.write(said)
    inside = container.read(Host())
    if inside and inside.may(CAP_NET_ADMIN) is False:
        # the proof was made in a user namespace, where the daemon is not
        _say("CAP_NET_ADMIN is missing: the daemon cannot make an SA (--cap-add NET_ADMIN)")
        code = code or 2
    sys.stderr.flush()
    return code


def _first_lines(report: str) -> str:
    """The beginning of each paragraph, where there is no room for all of it."""
    paragraphs = [text.splitlines() for text in report.split("\n\n")]
    most = len(report)
    while sum(map(len, paragraphs)) > _REPORT and most > 1:
        most = max(map(len, paragraphs)) - 1
        paragraphs = [lines[:most] for lines in paragraphs]
    lines = [line for paragraph in paragraphs for line in paragraph][:_REPORT]
    more = len(list(filter(None, report.split("\n")))) - len(lines)
    lines += [f"({more} more lines; modprobe-ipsec-init -v says all)"] if more else []
    return "".join(f"{line}\n" for line in lines)


def _for_the_host(asked: Arguments) -> str:
    """How the host gets to know what it is to do."""
    from shlex import join

    plan = join(["modprobe-ipsec", *asked.words("manifest"), "--manifest", "yaml"])
    return f"for the host: in here, {plan} >PLAN; there, modprobe-ipsec --apply PLAN\n"


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """The first process of a container gets no signal that it does not handle."""
    os._exit(128 + number)


def _give_up(number: int, frame: FrameType | None) -> NoReturn:
    raise _TooLong


def _say(text: str) -> None:
    sys.stderr.write(f"modprobe-ipsec-init: {line(text)}\n")


if __name__ == "__main__":
    run()
