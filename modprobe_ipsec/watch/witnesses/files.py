# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that the last look at the readiness has read, and those that it looked for: whether
they have changed.

Not inotify's: that watches directories, and a configuration may lead anywhere by links.
"""

import os
import time

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.watch.core import Core
from modprobe_ipsec.watch.signs import FilesChanged, Sign

ABOUT = "modprobe.d, the daemons' files and the module directory"
RANK = 0

# Seconds between two looks, at least; and of the time, as much for looks as this at most.
_EVERY, _SHARE = 1.0, 0.0003
# The longest time between two (seconds).
_LONGEST = 30.0

_State = tuple[int, int, int, int] | None


class FileChanges:
    """What stat(2) says of each."""

    __slots__ = ("_core", "_next", "_paths", "_states")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._next = 0.0
        self._paths: tuple[str, ...] = ()
        self._states: dict[str, _State] = {}

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        return

    def see(self, now: float) -> Iterator[Sign]:
        if now < self._next:
            return
        start = time.thread_time()
        look = self._core.look
        paths = look.paths
        if paths is not self._paths:
            # of a file that is new here, its time of change tells whether it was as it is now
            self._paths, before = paths, self._states
            self._states = {path: _state(path) for path in paths}
            changed = any(
                state != before[path] if path in before else state and state[1] >= look.began
                for path, state in self._states.items()
            )
        else:
            found = {path: _state(path) for path in paths}
            changed, self._states = found != self._states, found
        took = time.thread_time() - start
        self._next = now + min(max(_EVERY, took / _SHARE), _LONGEST)
        if changed:
            yield FilesChanged()


def _state(path: str) -> _State:
    try:
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def start(core: Core) -> FileChanges:
    return FileChanges(core)
