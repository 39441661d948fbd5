# SPDX-License-Identifier: GPL-3.0-or-later
"""An initramfs as the kernel reads it: a cpio archive of the "newc" kind.

The kernel unpacks several archives in a row into the same tree; later entries replace earlier ones.
"""

import os
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MERGED = ("bin", "sbin", "lib", "lib64")
"""Directories at the root that are links into /usr, as on every Debian since 12."""


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: int
    data: bytes = b""
    mtime: int = 0
    device: tuple[int, int] = (0, 0)
    owner: tuple[int, int] = (0, 0)


class Archive:
    """Files of a guest, by their absolute paths there. Parent directories come by themselves."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def directory(self, path: str | Path, mode: int = 0o755) -> None:
        """Add a directory."""
        self._add(path, _Entry(stat.S_IFDIR | mode))

    def file(self, path: str | Path, data: bytes, mode: int = 0o644, mtime: int = 0) -> None:
        """Add a regular file."""
        self._add(path, _Entry(stat.S_IFREG | mode, data, mtime))

    def link(self, path: str | Path, target: str | Path) -> None:
        """Add a symbolic link."""
        self._add(path, _Entry(stat.S_IFLNK | 0o777, str(target).encode()))

    def device(self, path: str | Path, major: int, minor: int) -> None:
        """Add a character device."""
        self._add(path, _Entry(stat.S_IFCHR | 0o600, device=(major, minor)))

    def copy(self, source: Path, path: str | Path | None = None) -> None:
        """Add a file of this machine, at the same path or another; links are followed."""
        about = source.stat()
        mode = stat.S_IMODE(about.st_mode)
        self.file(path or source, source.read_bytes(), mode, int(about.st_mtime))

    def copy_with_links(self, source: Path) -> None:
        """Add a file of this machine at the same path, reached through the same links."""
        while source.is_symlink():
            target = source.readlink()
            self.link(source, target)
            source = source.parent / target
        self.copy(source)

    def copy_tar(self, tar: tarfile.TarFile) -> None:
        """Add all of a tar archive of a whole tree, owners included; devices are left out."""
        for member in tar:
            owner = (member.uid, member.gid)
            mtime = int(member.mtime)
            if member.isdir():
                entry = _Entry(stat.S_IFDIR | member.mode, b"", mtime, owner=owner)
            elif member.issym():
                entry = _Entry(stat.S_IFLNK | 0o777, member.linkname.encode(), mtime, owner=owner)
            elif file := tar.extractfile(member):  # through a hard link, too
                entry = _Entry(stat.S_IFREG | member.mode, file.read(), mtime, owner=owner)
            else:
                continue
            if place := _place(f"/{member.name}"):
                self._add(f"/{place}", entry)

    def merge_usr(self) -> None:
        """Make the links from the root into /usr that every path of an archive relies on."""
        for name in MERGED:
            self.directory(f"/usr/{name}")
            self._entries[name] = _Entry(stat.S_IFLNK | 0o777, f"usr/{name}".encode())

    def pack(self) -> bytes:
        """The archive's bytes, padded so that another one may follow."""
        parts: list[bytes] = []
        for number, (name, entry) in enumerate(self._entries.items(), start=1):
            parts += _pack(number, name, entry)
        parts += _pack(0, "TRAILER!!!", _Entry(0))
        size = sum(map(len, parts))
        return b"".join([*parts, bytes(-size % 512)])

    def _add(self, path: str | Path, entry: _Entry) -> None:
        name = _place(path)
        for parent in reversed(PurePosixPath(name).parents[:-1]):
            self._entries.setdefault(str(parent), _Entry(stat.S_IFDIR | 0o755))
        self._entries[name] = entry


def _place(path: str | Path) -> str:
    """Where a path ends up in a tree with a merged /usr, without the leading slash."""
    parts = list(PurePosixPath(os.path.normpath(path)).parts[1:])
    if len(parts) > 1 and parts[0] in MERGED:
        parts.insert(0, "usr")
    return "/".join(parts)


def _pack(number: int, name: str, entry: _Entry) -> list[bytes]:
    encoded = name.encode() + b"\0"
    fields = (
        number,
        entry.mode,
        *entry.owner,
        1,  # links
        entry.mtime,
        len(entry.data),
        0,  # device the file is on
        0,
        *entry.device,
        len(encoded),
        0,  # checksum, not of this kind
    )
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    return [header, bytes(-len(header) % 4), entry.data, bytes(-len(entry.data) % 4)]
