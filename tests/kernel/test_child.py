# SPDX-License-Identifier: GPL-3.0-or-later
"""A child that misbehaves does no harm, and never stays."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modprobe_ipsec.kernel import child


def none_left() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    return False


def test_messages_arrive_in_order() -> None:
    heard: list[child.Message] = []
    parent = os.getpid()

    def work(send: child.Send) -> None:
        send(["who", os.getpid() != parent])
        for number in range(1000):
            send([number, "é\n" * number])

    assert child.run(work, heard.append, 30) == ""
    assert heard[0] == ["who", True]
    assert [number for number, _ in heard[1:]] == list(range(1000))
    assert none_left()


def test_an_exception_ends_the_child_alone() -> None:
    assert child.run(lambda send: send([1 // 0]), print, 30).endswith("failed with status 1")
    assert child.run(lambda send: sys.exit(0), print, 30).endswith("failed with status 1")
    assert none_left()


def test_a_child_that_is_killed() -> None:
    heard: list[child.Message] = []

    def work(send: child.Send) -> None:
        send([1])
        os.kill(os.getpid(), signal.SIGKILL)

    assert child.run(work, heard.append, 30) == "the process that asks died of signal 9"
    assert heard == [[1]]
    assert none_left()


@pytest.mark.parametrize("hang", [signal.SIGSTOP, None])
def test_a_child_that_hangs(hang: signal.Signals | None) -> None:
    start = time.monotonic()

    def work(send: child.Send) -> None:
        send([1])
        if hang:
            os.kill(os.getpid(), hang)
        time.sleep(60)

    heard: list[child.Message] = []
    assert child.run(work, heard.append, 0.2) == "the kernel took more than 0.2 s"
    assert time.monotonic() - start < 5
    assert heard == [[1]]
    assert none_left()


def test_ctrl_c_and_errors_of_the_listener_end_the_child() -> None:
    def receive(message: child.Message) -> None:
        raise KeyboardInterrupt

    def work(send: child.Send) -> None:
        send([1])
        time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        child.run(work, receive, 30)
    assert none_left()


def test_signals_are_left_to_the_parent() -> None:
    def work(send: child.Send) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        send([1])

    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert child.run(work, print, 30) == ""
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_no_more_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    why = child.run(lambda send: None, print, 30)
    assert why == "cannot start a process that asks: Resource temporarily unavailable"
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_where_the_kernel_reaps() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert child.run(lambda send: send([1]), print, 30) == ""
        assert child.run(lambda send: time.sleep(60), print, 0.1) != ""
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert none_left()


ORPHAN = """
import os, sys, time
from modprobe_ipsec.kernel import child, namespace

def work(send):
    if "namespace" in sys.argv:
        namespace.enter()
    send([os.getpid()])
    time.sleep(60)

child.run(work, lambda message: print(*message, flush=True), 60)
"""


def gone(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("argument", ["", "namespace"])
@pytest.mark.parametrize("deadly", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_child_dies_with_its_parent(deadly: signal.Signals, argument: str) -> None:
    # Signals go to the parent alone.
    parent = subprocess.Popen(
        (sys.executable, "-c", ORPHAN, argument), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout
    with parent, parent.stdout:
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.send_signal(deadly)
        parent.wait(10)
        deadline = time.monotonic() + 10
        while not gone(pid):
            assert time.monotonic() < deadline
            time.sleep(0.01)
