# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that the last look at the readiness has read, and those that it looked for: whether
they have changed.

inotify(7) on their directories says when to compare; from time to time that is done anyway, since
it sees neither what a link leads to nor what is mounted over them.
"""

import ctypes
import os
import time

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.watch.core import Core
from modprobe_ipsec.watch.signs import FilesChanged, Sign

ABOUT = "modprobe.d, the daemons' files and the module directory"
RANK = 0

# Seconds between two comparisons: at least, where nothing says that anything has changed, and where
# there is no inotify.
_LEAST, _SELDOM, _EVERY = 0.3, 30.0, 2.0
# Of the time, as much is for comparisons at most: where nothing is said, and where something is.
_SHARE, _TOLD_SHARE = 0.0005, 0.05
_LONGEST = 60.0
# Directories that are listened to.
_DIRECTORIES = 512
# include/uapi/linux/inotify.h: ATTRIB, CLOSE_WRITE, MOVED_FROM, MOVED_TO, CREATE, DELETE,
# DELETE_SELF, MOVE_SELF; ONLYDIR. Not MODIFY: a log may be written to in the same directory.
_CHANGES = 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
_ONLYDIR = 0x01000000
# Reads at a time: what is said more is said of the same.
_READS = 16

_State = tuple[int, int, int, int] | None


class FileChanges:
    """What stat(2) says of each, and what inotify says of where they lie."""

    __slots__ = (
        "_core",
        "_deaf",
        "_fd",
        "_libc",
        "_next",
        "_paths",
        "_soon",
        "_states",
        "_watched",
    )

    def __init__(self, core: Core) -> None:
        self._core = core
        self._libc = ctypes.CDLL(None)
        # IN_NONBLOCK and IN_CLOEXEC; -1 where there is none
        self._fd: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._deaf = False
        self._paths: tuple[str, ...] = ()
        self._states: dict[str, _State] = {}
        self._watched: dict[str, int] = {}
        # When to compare at the latest, and from when on if something is said.
        self._next = self._soon = 0.0

    def fileno(self) -> int:
        # whoever writes much there is not to keep us busy
        return -1 if self._deaf else self._fd

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    def see(self, now: float) -> Iterator[Sign]:
        if now >= self._soon:
            self._deaf = self._told()
            if self._deaf:
                self._next = now
                self._soon = now + _LEAST
        new = self._core.look.paths is not self._paths
        if now < self._next and not new:
            return
        start = time.thread_time()
        changed = self._compare_new() if new else self._compare()
        took = time.thread_time() - start
        rest = min(took / _SHARE, _LONGEST)
        self._soon = now + max(_LEAST, took / _TOLD_SHARE)
        self._next = now + max(_SELDOM if self._fd >= 0 else _EVERY, rest)
        if changed:
            yield FilesChanged()

    def _told(self) -> bool:
        """Whether anything has changed where they lie."""
        told = False
        try:
            for _ in range(_READS if self._fd >= 0 else 0):
                told = bool(os.read(self._fd, 1 << 16)) or told
        except OSError:
            # nothing more
            pass
        return told

    def _compare(self) -> bool:
        found = {path: _state(path) for path in self._paths}
        changed = found != self._states
        if changed:
            # what was removed and made again is another one
            self._listen()
        self._states = found
        return changed

    def _compare_new(self) -> bool:
        """After a look, which may have read others than before."""
        look = self._core.look
        self._paths, before = look.paths, self._states
        self._listen()
        self._states = {path: _state(path) for path in self._paths}
        # of a file that is new here, its time of change tells whether it was as it is now
        return any(
            state != before[path] if path in before else state and state[1] >= look.began
            for path, state in self._states.items()
        )

    def _listen(self) -> None:
        """Listen to the directories in which the files are, or would be."""
        if self._fd < 0:
            return
        wanted: dict[str, None] = {}
        for path in self._paths:
            if os.path.isdir(path):  # noqa: PTH112
                wanted[path] = None
            directory = path
            while len(directory) > 1:
                directory = directory.rpartition("/")[0] or "/"
                if os.path.isdir(directory):  # noqa: PTH112
                    wanted[directory] = None
                    break
        for directory in list(self._watched):
            if directory not in wanted:
                self._libc.inotify_rm_watch(self._fd, self._watched.pop(directory))
        for directory in list(wanted)[:_DIRECTORIES]:
            name = os.fsencode(directory)
            number = self._libc.inotify_add_watch(self._fd, name, _CHANGES | _ONLYDIR)
            if number >= 0:
                self._watched[directory] = number


def _state(path: str) -> _State:
    try:
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def start(core: Core) -> FileChanges:
    return FileChanges(core)
