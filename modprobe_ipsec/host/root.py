# SPDX-License-Identifier: GPL-3.0-or-later
"""The only door to files: every read of the host goes through one root.

A foreign root (an image, a container, a recorded host) is hostile input: nothing below it may lead
out of it, block, or fill the memory.
"""

import errno
import os
from itertools import islice
from stat import S_ISCHR, S_ISREG

from modprobe_ipsec.base.errors import ConfigError, UsageError
from modprobe_ipsec.base.text import reason
from modprobe_ipsec.host.beneath import DIRECTORY, Beneath
from modprobe_ipsec.host.facts import Unreadable

# The largest file that is read unless said otherwise; /proc/crypto has some 100 KiB.
LIMIT = 8 << 20
# modules.alias of a distribution has 1.4 MiB; a hostile one takes ten times its size in memory.
TREE_LIMIT = 16 << 20
# Where modules lie, a directory for each kernel: everywhere, where /lib is not /usr/lib, on NixOS.
MODULES = ("lib/modules", "usr/lib/modules", "run/booted-system/kernel-modules/lib/modules")
# /sys/module has some hundred.
_MAX_NAMES = 1 << 16
# Of those in a directory of kernels.
_MAX_RELEASES = 64
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_NULL = os.makedev(1, 3)
_MISSING = {errno.ENOENT: "no such file", errno.ENOTDIR: "no such file"}


class Host:
    """Files under `root`, as seen by the kernel `release` (default: the one that runs there).

    Paths have no leading slash: `proc/crypto`. Reading never raises: an answer is either what was
    asked for or a `Unreadable`, which tells missing from unreadable.
    Raises UsageError for a root or release that cannot be, ConfigError if there is no one release.
    """

    __slots__ = ("_below", "_runs", "module_directory", "release", "root")

    def __init__(
        self, root: str = "/", release: str | None = None, below: Beneath | None = None
    ) -> None:
        """`below` is the directory that `root` names, for who has it open already."""
        if below is None and not os.path.isdir(root):  # noqa: PTH112 (pathlib costs start-up time)
            raise UsageError(f"{root}: no such directory")
        self.root = root if below else os.path.realpath(root)
        # None on the machine's own root: there, what its links say is right.
        self._below = below
        if below is None and self.root != "/":
            try:
                self._below = Beneath(os.open(self.root, DIRECTORY))
            except OSError as error:
                raise UsageError(f"{root}: {reason(error)}") from None
        if release is not None and not _is_release(release):
            raise UsageError(f"not a kernel release: {release!r}")
        # Release of the kernel that /proc and /sys speak of; empty if they do not say.
        self._runs = (self.text("proc/sys/kernel/osrelease") or "").strip()
        if not _is_release(self._runs):
            self._runs = os.uname().release if self.root == "/" else ""
        self.release = release or self._runs or self._only_release()
        # Where the modules lie, relative to the root.
        places = [f"{place}/{self.release}" for place in MODULES]
        self.module_directory = next((place for place in places if self.exists(place)), places[0])

    @property
    def live(self) -> bool:
        """Whether this is the machine and the kernel we run on."""
        return self.root == "/" and self.same_kernel

    @property
    def same_kernel(self) -> bool:
        """Whether /proc and /sys under this root, if there, speak of `release`."""
        return self._runs in ("", self.release)

    @property
    def running(self) -> bool:
        """Whether `release` runs, or ran when this tree was recorded: an image only lies there."""
        return self._runs == self.release

    def read(self, path: str, limit: int = LIMIT, head: bool = False) -> bytes | Unreadable:
        """All of a file, or with `head` no more than its first `limit` bytes.

        Without `head` a file larger than `limit` is a gap.
        """
        try:
            fd = self._look(path)
        except OSError as error:
            return _gap(path, error)
        try:
            status = os.fstat(fd)
            if S_ISCHR(status.st_mode) and status.st_rdev == _NULL:
                # the usual way to mask a configuration file
                return b""
            if not S_ISREG(status.st_mode):
                return Unreadable(path, "not a regular file")
            fd = self._opened(path, fd, _OPEN)
            if status.st_size > limit and not head:
                return Unreadable(path, f"larger than {limit} bytes")
            # files of /proc have size 0 and come in pieces
            chunks = []
            left = limit if head else limit + 1
            while left and (chunk := os.read(fd, min(left, max(status.st_size + 1, 65536)))):
                chunks.append(chunk)
                left -= len(chunk)
            if not left and not head:
                return Unreadable(path, f"larger than {limit} bytes")
            return b"".join(chunks)
        except OSError as error:
            return _gap(path, error)
        finally:
            os.close(fd)

    def text(
        self, path: str, gaps: list[Unreadable] | None = None, limit: int = LIMIT
    ) -> str | None:
        """A file as text; None, and the reason added to `gaps`, if it cannot be had."""
        answer = self.read(path, limit)
        if isinstance(answer, Unreadable):
            if gaps is not None:
                gaps.append(answer)
            return None
        return answer.decode("utf-8", "replace")

    def list_dir(self, path: str) -> list[str] | Unreadable:
        """The names in a directory, sorted by their bytes as strcmp(3) does."""
        try:
            fd = self._look(path)
        except OSError as error:
            return _gap(path, error)
        try:
            fd = self._opened(path, fd, _OPEN | os.O_DIRECTORY)
            with os.scandir(fd) as entries:
                names = [entry.name for entry in islice(entries, _MAX_NAMES + 1)]
            if len(names) > _MAX_NAMES:
                return Unreadable(path, f"more than {_MAX_NAMES} names")
            return sorted(names, key=os.fsencode)
        except OSError as error:
            return _gap(path, error)
        finally:
            os.close(fd)

    def exists(self, path: str) -> bool | None:
        """Whether something is there; None if that cannot be seen."""
        try:
            os.close(self._look(path))
        except OSError as error:
            return False if error.errno in _MISSING else None
        return True

    def rights(self, path: str) -> tuple[int, int] | None:
        """The number of the owner of what is there, and its mode; None if that cannot be seen."""
        try:
            fd = self._look(path)
        except OSError:
            return None
        try:
            status = os.fstat(fd)
            return status.st_uid, status.st_mode
        finally:
            os.close(fd)

    def link(self, path: str) -> str | None:
        """What a symbolic link says; None if that cannot be seen, and always on a foreign root."""
        if self.root != "/":
            return None
        try:
            return os.readlink(f"/{path}")  # noqa: PTH115
        except OSError:
            return None

    def _look(self, path: str) -> int:
        """An O_PATH descriptor, which does nothing to what it is of: a device, a FIFO."""
        if "\0" in path:
            raise OSError(errno.ENOENT, "no such file")
        if self._below is not None:
            return self._below.look(path)
        return os.open(f"/{path}", os.O_PATH | os.O_CLOEXEC)

    def _opened(self, path: str, fd: int, flags: int) -> int:
        """A regular file or directory that was looked at, opened: the very same. Closes `fd`.

        Raises OSError, and then leaves `fd` open.
        """
        try:
            new = os.open(f"/proc/self/fd/{fd}", flags)
        except FileNotFoundError:
            if self._below is not None:
                raise
            # a machine without /proc
            new = os.open(f"/{path}", flags)
            if not os.path.sameopenfile(fd, new):
                os.close(new)
                raise OSError(errno.ESTALE, "was replaced while it was read") from None
        os.close(fd)
        return new

    def releases(self) -> tuple[str, ...]:
        """Releases of the kernels that have modules here, sorted."""
        names: set[str] = set()
        for place in MODULES:
            answer = self.list_dir(place)
            if not isinstance(answer, Unreadable):
                names |= {name for name in answer[:_MAX_RELEASES] if name[0].isdecimal()}
        return tuple(sorted(names))

    def _only_release(self) -> str:
        releases = self.releases()
        if len(releases) == 1:
            return releases[0]
        if releases:
            what = f"{self.root} has modules of several kernels: {' '.join(releases)}"
        else:
            what = f"{self.root}: no modules of any kernel in {MODULES[0]}"
        raise ConfigError(what, "say which one with --kernel RELEASE")


def _is_release(name: str) -> bool:
    return name.isprintable() and not ({"/", " "} & set(name)) and name.strip(".") != ""


def _gap(path: str, error: OSError) -> Unreadable:
    if error.errno in _MISSING:
        return Unreadable(path, _MISSING[error.errno], missing=True)
    return Unreadable(path, reason(error))
