# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a function in a child process that can hang, crash and change namespaces without harm."""

import ctypes
import json
import os
import select
import signal
import time

from modprobe_ipsec.base.annotations import Any, Callable, NoReturn

PR_SET_PDEATHSIG = 1

# How long a killed child may take to go (seconds). One that hangs inside the kernel never does.
GRACE = 5.0

# What JSON can say.
Message = list[Any]
Send = Callable[[Message], None]


def run(work: Callable[[Send], None], receive: Callable[[Message], None], timeout: float) -> str:
    """Run `work(send)` in a child; what it sends goes to `receive`.

    Returns an empty text if the child came to its end and was never silent for `timeout` seconds,
    else why not. Whatever happens, it is gone afterwards (unless the kernel never lets go of it),
    and it dies with its parent, too.
    """
    parent = os.getpid()
    reader, writer = os.pipe()
    # Ctrl-C must not wake a second copy of our caller; the child leaves these to its parent.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        pid = os.fork()
    except OSError as error:
        os.close(reader)
        os.close(writer)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return f"cannot start a process that asks: {error.strerror}"
    if pid == 0:
        _child(work, writer, parent)
    ended = False
    try:
        os.close(writer)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        ended = _listen(reader, receive, timeout)
    finally:
        os.close(reader)
        status = _reap(pid, kill=not ended)
    if not ended:
        return f"the kernel took more than {timeout:g} s"
    if status < 0:
        return f"the process that asks died of signal {-status}"
    return f"the process that asks failed with status {status}" if status else ""


def _child(work: Callable[[Send], None], writer: int, parent: int) -> NoReturn:
    """Do the work and exit: neither handlers nor buffers of the parent may run here."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died before.
        if os.getppid() == parent:
            work(lambda message: _send(writer, message))
            status = 0
    finally:
        os._exit(status)


def _send(writer: int, message: Message) -> None:
    data = json.dumps(message).encode() + b"\n"
    while data:
        data = data[os.write(writer, data) :]


def _listen(reader: int, receive: Callable[[Message], None], timeout: float) -> bool:
    """Hand messages on until the child closes its end (True) or is silent for too long (False)."""
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    rest = b""
    while poll.poll(timeout * 1000):
        data = os.read(reader, 65536)
        if not data:
            return True
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            receive(json.loads(line))
    return False


def _reap(pid: int, *, kill: bool) -> int:
    """Wait for the child; return its exit status, negative for a signal."""
    deadline = time.monotonic() + GRACE
    try:
        if kill:
            os.kill(pid, signal.SIGKILL)
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                return 0
            time.sleep(0.001)
    except (ChildProcessError, ProcessLookupError):
        # Who started us ignores SIGCHLD, so the kernel reaps.
        return 0
