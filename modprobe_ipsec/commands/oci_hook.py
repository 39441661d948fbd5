# SPDX-License-Identifier: GPL-3.0-or-later
"""An OCI createRuntime hook: what the container's IKE daemon needs is there, or it does not start.

Runs on the host, as the engine. Everything that comes from the container is hostile: it can only
choose among the needs that the map knows.
"""

import os
import signal
import socket
import sys
from contextlib import suppress
from select import POLLOUT, poll

from modprobe_ipsec.base.annotations import Mapping, NoReturn, Sequence
from modprobe_ipsec.base.errors import Bug, ConfigError, Error, UsageError, as_error
from modprobe_ipsec.base.text import line
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.commands import engine
from modprobe_ipsec.commands.apart import read_apart
from modprobe_ipsec.commands.main import traceback_of
from modprobe_ipsec.daemons import installed
from modprobe_ipsec.daemons.registry import DAEMONS, file_titles
from modprobe_ipsec.daemons.selection import Demand, Query, select
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.machine import oci_state as oci
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.kernel import child
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from modprobe_ipsec.report.model import Action, Report
from modprobe_ipsec.report.words import because, in_words

PREFIX = "io.modprobe-ipsec."
KEYS = ("esp", "ah", "ipcomp", "config", "daemon")

# Seconds that all of it may take, below the timeout that the shipped hook files give to the
# runtime, and that its work may: the rest is for ending it and saying so.
LIMIT = 32
_WORK = 25.0
# What a pipe takes whole if it takes any of it (limits.h:PIPE_BUF).
_PIECE = 4096
# Facility daemon, severity error: RFC 5424, 6.2.1
_DAEMON_ERROR = 3 * 8 + 3
_LOG = "/dev/log"
_HINT = f"annotate it with {PREFIX}esp or {PREFIX}config, or give the hook a --plan"
# Where this package lies, which an isolated interpreter does not look for itself.
_PLACE = __file__.rsplit("/", 3)[0]
_AGAIN = (
    "import sys; sys.path.append({place!r}); "
    "from modprobe_ipsec.commands.oci_hook import run; run()"
)
_MET = (Verdict.READY, Verdict.SLOW)


def run() -> NoReturn:
    """The console script: first of all, nothing of the caller's environment counts."""
    _limit_time()
    _open_standard_files()
    arguments = sys.argv[1:]
    engine.clean_environment()
    if not sys.flags.isolated:
        # a fresh interpreter: what the environment named was heard by this one already
        program = [sys.executable, "-I", "-B", "-c", _AGAIN.format(place=_PLACE), *arguments]
        os.execve(program[0], program, os.environ)  # noqa: S606
    sys.exit(main(arguments, _WORK))


def _limit_time() -> None:
    """Whatever hangs, the end comes: by a signal, which a runtime takes for a refusal.

    The timer goes on through execve(2), and our caller's ways with signals do not count.
    """
    for number in (signal.SIGINT, signal.SIGALRM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    if not signal.getitimer(signal.ITIMER_REAL)[0]:
        signal.alarm(LIMIT)


def _open_standard_files() -> None:
    """Whoever starts us without these three would find a pipe of our own in their place."""
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:
        os.set_inheritable(number, True)
    os.close(number)


def main(arguments: Sequence[str], limit: float) -> int:
    """Read the state from stdin, and do what it takes; 0 lets the container start.

    Else one line on stderr says why not. All of it happens in a child, which has `limit` seconds.
    """
    said: list[child.Message] = []
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())

    def work(send: child.Send) -> None:
        # an install line of modprobe.d starts programs, which are to hear signals as we do
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _work(arguments, send)

    ending = child.run(work, said.append, limit, whole=True, group=True)
    if not said:
        why = f"no answer within {limit:g} s" if ending.late else f"it {ending.why or 'died'}"
        said.append([Error.exit_code, why, ""])
    code, text, trace = said[-1]
    if code:
        _tell(line(text), trace)
    return int(code)


def _tell(said: str, trace: str) -> None:
    """Into the system's log, since crun hands stderr to nobody, and to whoever reads stderr.

    Nobody is waited for: neither a daemon that does not read its socket, nor a full pipe.
    """
    _log(f"<{_DAEMON_ERROR}>modprobe-ipsec-hook: {said}".encode())
    data = f"{trace}modprobe-ipsec-hook: {said}\n".encode()
    stderr = poll()
    stderr.register(2, POLLOUT)
    # Python has no sys.stderr if it was started without one; and nobody may read it any more
    with suppress(OSError):
        while data and stderr.poll(0):
            data = data[os.write(2, data[:_PIECE]) :]


def _log(message: bytes) -> None:
    """What syslog(3) does, but that one waits for a reader."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with suppress(OSError), socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK) as log:
            log.connect(_LOG)
            log.send(message + b"\0" * (kind is socket.SOCK_STREAM))
            return


def _work(arguments: Sequence[str], send: child.Send) -> None:
    """Say an exit code, a text if it is not 0, and where in the program it arose if asked to."""
    name = ""
    try:
        plan = _options(arguments)
        state = oci.parse_state(_stdin())
        name = f"{state.id[:12]}: "
        report = _carry_out(plan, state)
        problem = _problem(report)
        code = report.exit_code or Error.exit_code
        send([code, name + problem, ""] if problem else [0, "", ""])
    except Error as error:
        hint = f"; {error.hint}" if error.hint else ""
        send([error.exit_code, f"{name}{error.message}{hint}", ""])
    except Exception as error:
        # fail closed, in one line: a traceback would hide it
        trace = traceback_of(error) if "--debug" in arguments else ""
        send([Bug.exit_code, f"{name}{as_error(error).message}", trace])


def _options(arguments: Sequence[str]) -> str:
    match [word for word in arguments if word != "--debug"]:
        case []:
            return ""
        case ["--plan", path] if path.startswith("/"):
            return path
        case _:
            raise UsageError("usage: modprobe-ipsec-hook [--debug] [--plan /ABSOLUTE/FILE] < STATE")


def _stdin() -> bytes:
    data = b""
    while len(data) <= oci.STATE_LIMIT and (chunk := os.read(0, 1 << 16)):
        data += chunk
    return data


def _carry_out(plan: str, state: oci.OciState) -> Report:
    host = Host()
    catalog = engine.catalog()
    facts = engine.facts_of(host, catalog)
    wanted = _from_plan(plan, catalog) if plan else wanted_by(state, facts, catalog)
    _refuse_what_is_lost(wanted)
    if not wanted.needs:
        problems = [f"{problem.place}: {problem.text}" for problem in wanted.problems]
        nothing = f"{' and '.join(wanted.configs)}: asks the kernel for nothing"
        raise ConfigError(next(iter(problems), nothing), _HINT)
    return engine.act(Action.LOAD, wanted, facts, host, catalog)


def _refuse_what_is_lost(wanted: Demand) -> None:
    """What an unread file or a connection that is left out needs is unknown: so nothing starts."""
    lost = [problem for problem in wanted.problems if problem.unread or problem.conn]
    if lost:
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        raise ConfigError(in_words(lost[0]) + more, f"correct that, or {_HINT}")


def _from_plan(path: str, catalog: Catalog) -> Demand:
    from modprobe_ipsec.commands import host_plan

    return read_apart(lambda: host_plan.wanted(host_plan.read(path, catalog), path), catalog)


def wanted_by(state: oci.OciState, facts: Facts, catalog: Catalog) -> Demand:
    """What its annotations say; else what the configuration says that its daemon will read.

    Raises Error, for whatever is wrong with what it says.
    """
    request = _request(state.annotations, facts)
    if request.esp or request.ah or request.ipcomp:
        # the host is not asked: nothing but the annotations counts
        return read_apart(lambda: select(request, Host(), catalog, engine.daemon_tree), catalog)
    # the way there takes more rights than what lies there
    files = oci.files(state)
    found = read_apart(lambda: _configured(request, files, catalog), catalog)
    if not found.configs:
        raise ConfigError(
            f"nothing says what it needs: no {file_titles()} of an installed daemon in its root "
            "file system",
            _HINT,
        )
    return found


def _configured(request: Query, files: Host, catalog: Catalog) -> Demand:
    if request.config or installed.read(files).daemons:
        return select(request, files, catalog, engine.daemon_tree)
    return Demand(())


def _request(annotations: Mapping[str, str], facts: Facts) -> Query:
    said = {key[len(PREFIX) :]: value for key, value in annotations.items() if _is_ours(key)}
    for key, value in said.items():
        if key not in KEYS:
            raise ConfigError(f"annotation {PREFIX}{key}: choose from {', '.join(KEYS)}")
        if len(value) > 4096 or not value.isprintable():
            raise ConfigError(f"annotation {PREFIX}{key}: too long, or not printable")
    daemon, ipcomp = said.get("daemon", ""), said.get("ipcomp", "no")
    if daemon not in ("", *DAEMONS):
        raise ConfigError(f"annotation {PREFIX}daemon: choose from {', '.join(DAEMONS)}")
    if ipcomp not in ("yes", "no"):
        raise ConfigError(f"annotation {PREFIX}ipcomp: say yes or no")
    config = said.get("config", "")
    if config and not config.startswith("/"):
        raise ConfigError(f"annotation {PREFIX}config: not an absolute path in the container")
    return Query(
        esp=[said["esp"]] if said.get("esp") else (),
        ah=[said["ah"]] if said.get("ah") else (),
        ipcomp=ipcomp == "yes",
        everything=False,
        config=config,
        daemon=DAEMONS.get(daemon),
        release=None,
        families=engine.families(facts),
        fips=facts.fips,
    )


def _is_ours(key: str) -> bool:
    return key.startswith(PREFIX)


def _problem(report: Report) -> str:
    """The worst need that is not met, why, and what to do; empty if all are met."""
    order = list(Verdict)
    unmet = [j for j in report.verdicts if j.verdict not in _MET]
    if not unmet:
        return ""
    worst = min(unmet, key=lambda judged: order.index(judged.verdict))
    more = f" (and {len(unmet) - 1} more)" if len(unmet) > 1 else ""
    text = f"{worst.need.label}{more}: {worst.verdict}: {because(worst)}"
    remedies = "; ".join(_remedies(worst, report.facts))
    return f"{text}. To do: {remedies}" if remedies else text


def _remedies(judged: NeedVerdict, facts: Facts) -> tuple[str, ...]:
    if judged.verdict is Verdict.LOADABLE and not facts.may_load:
        # a rootless engine's hook is the user's own
        return ("load them on the host as root: this hook runs without CAP_SYS_MODULE",)
    return tuple(dict.fromkeys(reason.remedy for reason in judged.reasons if reason.remedy))


if __name__ == "__main__":
    run()
