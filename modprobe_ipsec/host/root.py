# SPDX-License-Identifier: GPL-3.0-or-later
"""The only door to files: every read of the host goes through one root.

A foreign root (an image, a container, a recorded host) is hostile input: nothing below it may lead
out of it, block, or fill the memory.
"""

import errno
import os
from itertools import islice
from stat import S_ISCHR, S_ISDIR, S_ISLNK, S_ISREG

from modprobe_ipsec.base.errors import ConfigError, UsageError
from modprobe_ipsec.host.facts import Unreadable

# The largest file that is read unless said otherwise; /proc/crypto has some 100 KiB.
LIMIT = 8 << 20
# modules.alias of a distribution has 1.4 MiB; a hostile one takes ten times its size in memory.
TREE_LIMIT = 16 << 20
# /sys/module has some hundred.
_MAX_NAMES = 1 << 16
# As many as the kernel follows, include/linux/namei.h:MAXSYMLINKS
_MAX_LINKS = 40
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_DIR = os.O_CLOEXEC | os.O_DIRECTORY | os.O_PATH
_NULL = os.makedev(1, 3)
_MISSING = {errno.ENOENT: "no such file", errno.ENOTDIR: "no such file"}


class Host:
    """Files under `root`, as seen by the kernel `release` (default: the one that runs there).

    Paths have no leading slash: `proc/crypto`. Reading never raises: an answer is either what was
    asked for or a `Unreadable`, which tells missing from unreadable.
    Raises UsageError for a root or release that cannot be, ConfigError if there is no one release.
    """

    __slots__ = ("_runs", "refused", "release", "root", "tree")

    def __init__(self, root: str = "/", release: str | None = None) -> None:
        if not os.path.isdir(root):  # noqa: PTH112 (pathlib costs start-up time)
            raise UsageError(f"{root}: no such directory")
        self.root = os.path.realpath(root)
        # Devices (st_dev) of file systems below a foreign root that nobody may enter.
        self.refused: frozenset[int] = frozenset()
        if release is not None and not _is_release(release):
            raise UsageError(f"not a kernel release: {release!r}")
        # Release of the kernel that /proc and /sys speak of; empty if they do not say.
        self._runs = (self.text("proc/sys/kernel/osrelease") or "").strip()
        if not _is_release(self._runs):
            self._runs = os.uname().release if self.root == "/" else ""
        self.release = release or self._runs or self._only_release()
        # Where the modules lie, relative to the root.
        self.tree = f"lib/modules/{self.release}"
        if not self.exists(self.tree) and self.exists(f"usr/{self.tree}"):
            self.tree = f"usr/{self.tree}"

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
            fd = self._open(path, _OPEN)
        except OSError as error:
            return _gap(path, error)
        try:
            status = os.fstat(fd)
            if S_ISCHR(status.st_mode) and status.st_rdev == _NULL:
                # the usual way to mask a configuration file
                return b""
            if not S_ISREG(status.st_mode):
                return Unreadable(path, "not a regular file")
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
            fd = self._open(path, _OPEN | os.O_DIRECTORY)
        except OSError as error:
            return _gap(path, error)
        try:
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
            os.close(self._open(path, os.O_PATH | os.O_CLOEXEC))
        except OSError as error:
            return False if error.errno in _MISSING else None
        return True

    def link(self, path: str) -> str | None:
        """What a symbolic link says; None if that cannot be seen, and always on a foreign root."""
        if self.root != "/":
            return None
        try:
            return os.readlink(f"/{path}")  # noqa: PTH115
        except OSError:
            return None

    def _open(self, path: str, flags: int) -> int:
        if "\0" in path:
            raise OSError(errno.ENOENT, "no such file")
        if self.root == "/":
            return os.open(f"/{path}", flags)
        return self._open_inside(path, flags)

    def _open_inside(self, path: str, flags: int) -> int:
        """Open below a foreign root, where `/` and `..` of its links stay inside.

        One component at a time and never through a link, so that nobody who changes the tree
        meanwhile can lead us out of it.
        """
        todo = path.split("/")[::-1]
        links = 0
        above = [os.open(self.root, _DIR)]
        try:
            while todo:
                name = todo.pop()
                if name in ("", "."):
                    continue
                if name == "..":
                    if len(above) > 1:
                        os.close(above.pop())
                    continue
                status = os.stat(name, dir_fd=above[-1], follow_symlinks=False)
                mode = status.st_mode
                if status.st_dev in self.refused:
                    raise OSError(errno.EPERM, "on a file system of the kernel's own")
                if S_ISLNK(mode):
                    links += 1
                    if links > _MAX_LINKS:
                        raise OSError(errno.ELOOP, "too many symbolic links")
                    target = os.readlink(name, dir_fd=above[-1])
                    if target.startswith("/"):
                        while len(above) > 1:
                            os.close(above.pop())
                    todo += target.split("/")[::-1]
                elif S_ISDIR(mode):
                    above.append(os.open(name, _DIR | os.O_NOFOLLOW, dir_fd=above[-1]))
                elif any(part not in ("", ".") for part in todo):
                    raise OSError(errno.ENOTDIR, "not a directory")
                elif S_ISREG(mode) or flags & os.O_PATH:
                    return os.open(name, flags | os.O_NOFOLLOW, dir_fd=above[-1])
                else:
                    # do not even open a device of a foreign tree
                    raise OSError(errno.EINVAL, "not a regular file")
            return os.open(".", flags, dir_fd=above[-1])
        finally:
            for fd in above:
                os.close(fd)

    def _only_release(self) -> str:
        names: set[str] = set()
        for place in ("lib/modules", "usr/lib/modules"):
            answer = self.list_dir(place)
            if not isinstance(answer, Unreadable):
                names |= {name for name in answer if name[0].isdecimal()}
        if len(names) == 1:
            return names.pop()
        if names:
            raise ConfigError(
                f"{self.root} has modules of several kernels: {' '.join(sorted(names))}",
                "say which one with --kernel RELEASE",
            )
        raise ConfigError(
            f"{self.root}: no modules of any kernel in lib/modules",
            "say which one with --kernel RELEASE",
        )


def _is_release(name: str) -> bool:
    return name.isprintable() and not ({"/", " "} & set(name)) and name.strip(".") != ""


def _gap(path: str, error: OSError) -> Unreadable:
    if error.errno in _MISSING:
        return Unreadable(path, _MISSING[error.errno], missing=True)
    return Unreadable(path, (error.strerror or str(error)).lower())
