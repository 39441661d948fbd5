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


@pytest.mark.parametrize("codec", [None, child.in_marshal()], ids=["json", "marshal"])
def test_messages_arrive_in_order(codec: child.Codec | None) -> None:
    heard: list[child.Message] = []
    parent = os.getpid()

    def work(send: child.Send) -> None:
        send(["who", os.getpid() != parent])
        for number in range(1000):
            send([number, "é\n" * number])

    assert child.run(work, heard.append, 30, codec=codec) == child.Ending()
    assert heard[0] == ["who", True]
    assert [number for number, _ in heard[1:]] == list(range(1000))
    assert none_left()


def test_an_exception_ends_the_child_alone() -> None:
    for work in (lambda send: send([1 // 0]), lambda send: sys.exit(0)):
        assert child.run(work, print, 30).why == "failed with status 1"
    assert none_left()


def test_a_child_that_is_killed() -> None:
    heard: list[child.Message] = []

    def work(send: child.Send) -> None:
        send([1])
        os.kill(os.getpid(), signal.SIGKILL)

    assert child.run(work, heard.append, 30).why == "died of signal 9"
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
    assert child.run(work, heard.append, 0.2) == child.Ending("took more than 0.2 s", late=True)
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
    assert child.run(work, print, 30) == child.Ending()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_no_more_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    ending = child.run(lambda send: None, print, 30)
    assert ending.why == "could not be started: Resource temporarily unavailable"
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_where_the_kernel_reaps() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert child.run(lambda send: send([1]), print, 30) == child.Ending()
        assert child.run(lambda send: time.sleep(60), print, 0.1).late
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert none_left()


def test_the_whole_may_be_timed() -> None:
    def chatter(send: child.Send) -> None:
        while True:
            send([1])
            time.sleep(0.05)

    assert child.run(chatter, print, 0.3, whole=True).late
    assert none_left()


def test_a_child_that_says_too_much_or_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_MOST", 1 << 20)

    def endless(send: child.Send) -> None:
        send(["a" * 100 for _ in range(100_000)])

    heard: list[child.Message] = []
    assert child.run(endless, heard.append, 30).why == "said more than 1 MB"
    monkeypatch.setattr(child, "_send", lambda writer, message: os.write(writer, b"\0\0\0\2[1"))
    for codec in (child.in_json(), child.in_marshal()):
        ending = child.run(lambda send: send([]), heard.append, 30, codec=codec)
        assert ending.why == "said what is no message"
    # or only the beginning of one
    monkeypatch.setattr(child, "_send", lambda writer, message: os.write(writer, message[:2]))
    assert child.run(lambda send: send([1]), heard.append, 30).why == "said what is no message"
    assert heard == []
    assert none_left()


@pytest.mark.parametrize("hang", [True, False])
def test_what_the_child_has_started_goes_with_it(hang: bool, tmp_path: Path) -> None:
    """Whether it is late, or dies before it could wait for them."""
    marker = tmp_path / "pid"

    def work(send: child.Send) -> None:
        program = subprocess.Popen(["sleep", "100"])
        marker.write_text(str(program.pid))
        if hang:
            time.sleep(60)
        os.kill(os.getpid(), signal.SIGKILL)

    ending = child.run(work, print, 2, group=True)
    assert ending.late is hang and ending.why
    deadline = time.monotonic() + 10
    while not gone(int(marker.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


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
