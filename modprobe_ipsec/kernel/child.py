# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a function in a child process that can hang, crash and change namespaces without harm."""

# `signal` without its enumerations
import _signal as signal
import ctypes
import os
import select
import time

from modprobe_ipsec.base.annotations import Any, Callable, NoReturn
from modprobe_ipsec.base.value import Value

PR_SET_PDEATHSIG = 1

# How long a killed child may take to go (seconds). One that hangs inside the kernel never does.
GRACE = 5.0
# Bytes that a child may say; a proof takes about a hundred.
_MOST = 1 << 26
# Bytes before each message that say how long it is.
_LENGTH = 4

# What the codec can say.
Message = Any
Send = Callable[[Message], None]


class Codec(Value):
    """How a message becomes bytes, and bytes a message again."""

    pack: Callable[[Message], bytes]
    # Raises ValueError, EOFError, TypeError or RecursionError for what is no message.
    unpack: Callable[[bytes], Message]


def in_json() -> Codec:
    """For a child that may have been taken over: reading a message does no more than that."""
    import json

    return Codec(lambda message: json.dumps(message).encode(), json.loads)


def in_marshal() -> Codec:
    """For a child that runs nothing but our own code on the kernel's answers: costs no import."""
    import marshal

    return Codec(marshal.dumps, marshal.loads)


class Ending(Value):
    """How a child ended."""

    # What it did instead of coming to its end: `died of signal 9`; empty if it came to its end.
    why: str = ""
    # It took too long, and was killed.
    late: bool = False


def run(
    work: Callable[[Send], None],
    receive: Callable[[Message], None],
    timeout: float,
    *,
    whole: bool = False,
    group: bool = False,
    codec: Codec | None = None,
) -> Ending:
    """Run `work(send)` in a child; what it sends goes to `receive`, by default as JSON.

    The child may be silent for `timeout` seconds, or with `whole` take that long for all of it.
    Whatever happens, it is gone afterwards (unless the kernel never lets go of it), and it dies
    with its parent, too; with `group`, so are the programs that it has started, if it came to no
    end of its own.
    """
    codec = codec or in_json()
    # Ctrl-C must not wake a second copy of our caller; the child leaves these to its parent.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        pid, reader = fork(work, codec, group=group)
    except OSError as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return Ending(f"could not be started: {error.strerror}")
    why, ended = "", False
    try:
        if group:
            # both of us do it: whoever comes first, the group is there for the other
            _make_group(pid)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        ended, why = _listen(reader, codec.unpack, receive, timeout, whole)
    finally:
        os.close(reader)
        status = _reap(pid, group, kill=not ended)
    if not ended:
        return Ending(why or f"took more than {timeout:g} s", late=not why)
    if status < 0:
        return Ending(f"died of signal {-status}")
    return Ending(f"failed with status {status}" if status else why)


def fork(work: Callable[[Send], None], codec: Codec, *, group: bool = False) -> tuple[int, int]:
    """Start `work(send)` in a child; its process id, and where its messages can be read.

    For who waits for several things at once; each message has its length before it, in 4 bytes.
    The caller has blocked the signals that it handles. Raises OSError.
    """
    parent = os.getpid()
    reader, writer = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        raise
    if pid == 0:
        _child(work, codec.pack, writer, parent, group)
    os.close(writer)
    return pid, reader


def _make_group(pid: int) -> None:
    # the child may have gone already
    try:
        os.setpgid(pid, pid)
    except OSError:
        pass


def _child(
    work: Callable[[Send], None],
    pack: Callable[[Message], bytes],
    writer: int,
    parent: int,
    group: bool,
) -> NoReturn:
    """Do the work and exit: neither handlers nor buffers of the parent may run here."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if group:
            _make_group(0)
        # The parent may have died before.
        if os.getppid() == parent:
            work(lambda message: _send(writer, pack(message)))
            status = 0
    finally:
        os._exit(status)


def _send(writer: int, message: bytes) -> None:
    data = memoryview(len(message).to_bytes(_LENGTH) + message)
    while data:
        data = data[os.write(writer, data) :]


def _listen(
    reader: int,
    unpack: Callable[[bytes], Message],
    receive: Callable[[Message], None],
    timeout: float,
    whole: bool,
) -> tuple[bool, str]:
    """Hand messages on until the child closes its end (True).

    False if it is not to be listened to any longer. With the reason, if it is not the time.
    """
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    end = time.monotonic() + timeout
    said, left = bytearray(), _MOST
    while poll.poll(max(0, end - time.monotonic()) * 1000):
        data = os.read(reader, 65536)
        if not data:
            return True, "said what is no message" if said else ""
        left -= len(data)
        if left < 0:
            return False, f"said more than {_MOST >> 20} MB"
        if not whole:
            end = time.monotonic() + timeout
        said += data
        while len(said) >= (whole_of := _LENGTH + int.from_bytes(said[:_LENGTH])):
            try:
                message = unpack(bytes(said[_LENGTH:whole_of]))
            except (ValueError, EOFError, TypeError, RecursionError):
                return False, "said what is no message"
            del said[:whole_of]
            receive(message)
    return False, ""


def _reap(pid: int, group: bool, *, kill: bool) -> int:
    """Wait for the child; return its exit status, negative for a signal.

    Until it is reaped its number is that of its group, and of nobody else's.
    """
    deadline = time.monotonic() + GRACE
    try:
        if kill:
            _kill(pid, group)
        while not (info := os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)):
            if time.monotonic() > deadline:
                return 0
            time.sleep(0.001)
        if info.si_code != os.CLD_EXITED:
            # others may live on without it
            _kill(pid, group)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except (ChildProcessError, ProcessLookupError):
        # Who started us ignores SIGCHLD, so the kernel reaps.
        return 0


def _kill(pid: int, group: bool) -> None:
    if group:
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    os.kill(pid, signal.SIGKILL)
