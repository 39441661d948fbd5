# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening files below a directory that belongs to somebody else.

The directory is a descriptor, so that nobody can put another one in its place. One component at a
time and never through a link that the kernel would follow; every object is looked at through an
O_PATH descriptor, which does nothing to it, and that very object is opened then: a file that turns
into a FIFO or a device meanwhile is not opened. Only file systems that hold files are entered: to
read from procfs and its like asks the kernel, and may do something.
"""

import errno
import os
from stat import S_ISDIR, S_ISLNK

DIRECTORY = os.O_CLOEXEC | os.O_DIRECTORY | os.O_PATH
_LOOK = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_PATH
# As many as the kernel follows, include/linux/namei.h:MAXSYMLINKS
_MAX_LINKS = 40
# A path may have 4096 bytes, and each of 40 links one more.
_MAX_STEPS = 1 << 16
# Of all ways together; a reading of 20,000 files takes some 300,000.
_ALL_STEPS = 1 << 20

# Types as mountinfo has them. What is not here is not read: a FUSE server may never answer, autofs
# mounts when it is looked at. fuse-overlayfs is the root of a rootless container; hostfs that of
# user-mode-linux.
_FILE_SYSTEMS = """
    ext2 ext3 ext4 xfs btrfs zfs bcachefs f2fs jfs reiserfs nilfs2 overlay aufs tmpfs ramfs rootfs
    squashfs erofs romfs cramfs iso9660 udf vfat exfat ntfs3 jffs2 ubifs nfs nfs4 ceph gfs2 ocfs2
    9p virtiofs hostfs fuse.fuse-overlayfs
"""


class Beneath:
    """A directory and what lies below it; `/` and `..` of its links stay inside.

    `top` is a descriptor of the directory, which is closed with this object. `mounts` is the
    mountinfo of the mount namespace that it lies in.
    """

    __slots__ = ("_allowed", "_left", "_mounts", "_top")

    def __init__(self, top: int, mounts: str = "/proc/self/mountinfo") -> None:
        self._top = top
        self._mounts = mounts
        self._left = _ALL_STEPS
        # By st_dev: empty if it may be read, else the reason.
        self._allowed: dict[int, str] = {}

    def __del__(self) -> None:
        os.close(self._top)

    def look(self, path: str) -> int:
        """An O_PATH descriptor of what lies at a path, whatever it is: nothing of it is opened.

        Raises OSError, with EPERM for what lies on a file system that is not read.
        """
        todo = path.split("/")[::-1]
        links = steps = 0
        above = [os.dup(self._top)]
        here = -1
        try:
            while todo:
                name = todo.pop()
                steps += 1
                self._left -= 1
                if steps > _MAX_STEPS or self._left < 0:
                    raise OSError(errno.ENAMETOOLONG, "too long a way")
                if name in ("", "."):
                    continue
                if name == "..":
                    if len(above) > 1:
                        os.close(above.pop())
                    continue
                here = os.open(name, _LOOK, dir_fd=above[-1])
                mode = os.fstat(here).st_mode
                if S_ISLNK(mode):
                    links += 1
                    if links > _MAX_LINKS:
                        raise OSError(errno.ELOOP, "too many symbolic links")
                    target = os.readlink("", dir_fd=here)
                    if target.startswith("/"):
                        while len(above) > 1:
                            os.close(above.pop())
                    todo += target.split("/")[::-1]
                    os.close(here)
                elif S_ISDIR(mode):
                    above.append(here)
                elif any(part not in ("", ".") for part in todo):
                    raise OSError(errno.ENOTDIR, "not a directory")
                else:
                    above.append(here)
                here = -1
            self._check(above[-1])
            return above.pop()
        finally:
            for fd in (*above, here):
                if fd >= 0:
                    os.close(fd)

    def _check(self, fd: int) -> None:
        device = os.fstat(fd).st_dev
        if device not in self._allowed:
            self._allowed[device] = self._why_not(fd)
        if self._allowed[device]:
            raise OSError(errno.EPERM, self._allowed[device])

    def _why_not(self, fd: int) -> str:
        """Why what lies on a file system is not read; empty if it is.

        By the mount, not by st_dev: a subvolume of btrfs has a number that mountinfo does not show.
        """
        try:
            mount = _field(f"/proc/self/fdinfo/{fd}", "mnt_id:")
            with open(self._mounts, encoding="utf-8", errors="replace") as lines:  # noqa: PTH123
                found = (line for line in lines if line.startswith(f"{mount} "))
                kind = next(found, "").partition(" - ")[2].partition(" ")[0]
        except OSError as error:
            return f"its file system cannot be told: {error.strerror}"
        if kind in _FILE_SYSTEMS.split():
            return ""
        return f"on {kind}, which is not read here" if kind else "its file system cannot be told"


def _field(path: str, name: str) -> str:
    with open(path, encoding="utf-8") as lines:  # noqa: PTH123
        return next((line.split()[1] for line in lines if line.startswith(name)), "")
