# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at the readiness at a time, in a child process: what it needs goes with it."""

# `signal` without its enumerations
import _signal as signal
import os

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.kernel import child
from modprobe_ipsec.watch.readiness import Look, from_message

# Of the child: what it may say (bytes), and how long it may take (seconds).
_MOST, _LIMIT = 16 << 20, 60.0


class Background:
    """`look(send)` is run in a child each time `start` is called."""

    __slots__ = ("_end", "_look", "_pid", "_reader", "_said", "cpu")

    def __init__(self, look: Callable[[child.Send], None]) -> None:
        self._look = look
        self._pid = 0
        self._reader = -1
        self._said = bytearray()
        self._end = 0.0
        # Processor time that the last one has taken (seconds).
        self.cpu = 0.0

    @property
    def runs(self) -> bool:
        """Whether one is on its way."""
        return self._pid > 0

    def fileno(self) -> int:
        return self._reader

    def start(self, now: float) -> None:
        """Look. Raises OSError if that cannot be."""
        blocked = {signal.SIGINT, signal.SIGTERM}
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
        try:
            self._pid, self._reader = child.fork(self._look, child.in_json())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.set_blocking(self._reader, False)
        self._said.clear()
        self._end = now + _LIMIT

    def result(self, now: float) -> Look | None:
        """What it has found; None while it is on its way."""
        if not self.runs:
            return None
        try:
            while data := os.read(self._reader, 1 << 16):
                self._said += data
                if len(self._said) > _MOST:
                    return self._ended(f"it says more than {_MOST >> 20} MB")
        except BlockingIOError:
            return self._ended(f"it takes more than {_LIMIT:g} s") if now >= self._end else None
        length = int.from_bytes(self._said[:4], "big")
        if not self._said or len(self._said) != 4 + length:
            return self._ended("the process that looks ended without an answer")
        try:
            look = from_message(child.in_json().unpack(bytes(self._said[4:])))
        except (ValueError, RecursionError):
            return self._ended("the process that looks has said what is no answer")
        self.stop()
        return look

    def _ended(self, why: str) -> Look:
        self.stop()
        return Look(3, error=why)

    def stop(self) -> None:
        """Look no more."""
        if not self.runs:
            return
        os.close(self._reader)
        try:
            os.kill(self._pid, signal.SIGKILL)
            _, _, used = os.wait4(self._pid, 0)
            self.cpu = used.ru_utime + used.ru_stime
        except (ProcessLookupError, ChildProcessError):
            pass
        self._pid, self._reader = 0, -1
        self._said.clear()
