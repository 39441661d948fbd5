# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for all witnesses at once, and hands on what the core makes of it."""

# `signal` without its enumerations
import _signal as signal
import os
import select
import time

from modprobe_ipsec.base.annotations import Callable, FrameType, Iterable, Iterator
from modprobe_ipsec.kernel import child
from modprobe_ipsec.watch import witnesses
from modprobe_ipsec.watch.background import Background
from modprobe_ipsec.watch.core import Core
from modprobe_ipsec.watch.event import Kind, Level, State, Told
from modprobe_ipsec.watch.witnesses import Witness

# Seconds between two ticks where nothing happens, and while something does.
_IDLE, _BUSY = 1.0, 0.1
# A look at the readiness waits for what comes with what has changed, and after one there is none
# for some time (seconds); of a processor, a quarter at most is for looks.
_GATHERS, _RESTS, _SHARE = 0.3, 1.0, 0.25

# What comes is gathered for so long (seconds): under a flood, one turn after the other would be all
# that is done.
_PAUSE = 0.02


class Loop:
    """The witnesses, the core, and looks at the readiness.

    `look` is run in a child process.
    """

    __slots__ = ("_ended", "_looks", "_rests", "_since", "_waits", "_witnesses", "core", "worst")

    def __init__(self, look: Callable[[child.Send], None]) -> None:
        self.core = Core()
        self._looks = Background(look)
        self._witnesses: list[Witness] = []
        # When a look was first wanted, when the last began, and until when there is no other.
        self._waits: float | None = None
        self._since = self._rests = 0.0
        self._ended = False
        # Whether anything was told that needs somebody.
        self.worst = Level.INFO

    def open(self, wanted: str) -> Iterator[Told]:
        """Open all witnesses; says by what unknown SPIs are seen, and what cannot be seen.

        `wanted` is the witness for these, empty for the best that works here.
        """
        ranked = witnesses.ranked()
        for name in witnesses.names():
            if name in ranked:
                continue
            module = witnesses.load(name)
            try:
                self._witnesses.append(module.start(self.core))
            except OSError as error:
                yield _said(f"not watched: {module.ABOUT}: {_why(error)}", Level.WARNING)
        refused = []
        for name in (wanted,) if wanted else ranked:
            module = witnesses.load(name)
            try:
                self._witnesses.append(module.start(self.core))
            except OSError as error:
                refused.append(f"{name}: {_why(error)}")
                continue
            not_by = f" (not by {'; '.join(refused)})" if refused else ""
            yield _said(f"watching {module.ABOUT}{not_by}")
            return
        yield _said(f"not watched: unknown SPIs ({'; '.join(refused)})", Level.WARNING)

    def run(self, seconds: float | None) -> Iterator[Told]:
        """Events as they come, for so many seconds or until SIGTERM or SIGINT."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        before = [
            (number, signal.signal(number, self._end)) for number in (signal.SIGTERM, signal.SIGINT)
        ]
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        end = None if seconds is None else time.monotonic() + seconds
        try:
            while not self._ended:
                now = time.monotonic()
                if end is not None and now >= end:
                    break
                yield from self._turn(now)
                self._wait(reader, now, end)
        finally:
            self._looks.stop()
            for witness in self._witnesses:
                witness.close()
            signal.set_wakeup_fd(-1)
            for number, handler in before:
                signal.signal(number, handler)
            os.close(reader)
            os.close(writer)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._ended = True

    def _turn(self, now: float) -> Iterator[Told]:
        core = self.core
        for witness in self._witnesses:
            for sign in witness.see(now):
                yield from self._noted(core.see(sign, now))
        if (look := self._looks.result(now)) is not None:
            self._rests = now + max(_RESTS, self._looks.cpu / _SHARE)
            yield from self._noted(core.looked(look))
        self._look_if_wanted(now)
        yield from self._noted(core.tick(now))

    def _noted(self, events: Iterable[Told]) -> Iterator[Told]:
        order = list(Level)
        for event in events:
            if event.state is not State.OVER and order.index(event.level) < order.index(self.worst):
                self.worst = event.level
            yield event

    def _look_if_wanted(self, now: float) -> None:
        if self.core.look_wanted and self._waits is None:
            self._waits = now
        if self._waits is None or self._looks.runs or now < self._rests:
            return
        if now - self._waits >= _GATHERS or not self._since:
            self._waits, self.core.look_wanted = None, False
            self._since = now
            try:
                self._looks.start(now)
            except OSError:
                # no process to be had; next time
                self.core.look_wanted = True
                self._rests = now + _RESTS

    def _wait(self, signals: int, now: float, end: float | None) -> None:
        poll = select.poll()
        poll.register(signals, select.POLLIN)
        for fd in (self._looks.fileno(), *(witness.fileno() for witness in self._witnesses)):
            if fd >= 0:
                poll.register(fd, select.POLLIN)
        seconds = _BUSY if self.core.busy or self._waits is not None else _IDLE
        if end is not None:
            seconds = min(seconds, max(0.0, end - now))
        if poll.poll(seconds * 1000) and self.core.busy:
            time.sleep(_PAUSE)


def _why(error: OSError) -> str:
    """`operation not permitted`, or what a witness itself says; the kernel may say but a number."""
    return error.strerror or os.strerror(error.errno or 0).lower()


def _said(text: str, level: Level = Level.INFO) -> Told:
    return Told(Kind.WATCH, level, State.ONCE, text)
