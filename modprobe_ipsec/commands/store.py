# SPDX-License-Identifier: GPL-3.0-or-later
"""The one writer: a tree of small files in a directory that is nobody's but ours.

Names and contents may come out of a hostile tree, and root writes them. So a path is only taken
apart, never resolved: each component is opened below the one before it, as a directory and no link.
A file appears when it is complete; after a failure nothing is left.
"""

import os
import shutil
import stat
from contextlib import suppress

from modprobe_ipsec.base.annotations import Collection, Mapping
from modprobe_ipsec.base.errors import Bug, UsageError
from modprobe_ipsec.base.text import printable, reason

# The kernel's bound on a name, in bytes, and ours on the rest.
MAX_NAME = 255
MAX_PATH = 1024
MAX_DEPTH = 32

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Where a file is until it is complete; no path may have a component of this name.
_UNFINISHED = ".unfinished"


def is_plain(path: str) -> bool:
    """Whether a path leads below a directory, whatever lies there, and can be shown to people.

    Relative, without `..`, `.` or an empty component, printable, and of bounded length.
    """
    parts = path.split("/")
    return (
        path.isprintable()
        and len(path.encode()) <= MAX_PATH
        and len(parts) <= MAX_DEPTH
        and all(part not in ("", ".", "..", _UNFINISHED) for part in parts)
        and all(len(part.encode()) <= MAX_NAME for part in parts)
    )


def only_plain(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those that can be stored together: at plain paths, and none where another has a directory."""
    plain = {path: data for path, data in files.items() if is_plain(path)}
    above = {path[:end] for path in plain for end, char in enumerate(path) if char == "/"}
    return {path: data for path, data in plain.items() if path not in above}


def store(directory: str, files: Mapping[str, bytes], programs: Collection[str] = ()) -> None:
    """Write each file at its relative path, those in `programs` executable; all of them or none.

    Raises UsageError if the directory is not new, or empty and written to by nobody else; Bug for
    a path that is not plain, before anything is written.
    """
    for path in files:
        if not is_plain(path):
            raise Bug(f"internal error: {printable(path)}: no file may be written at such a path")
    top, is_new = _open(directory)
    try:
        for path, data in files.items():
            _write(top, path, data, 0o755 if path in programs else 0o644)
    except BaseException as error:
        _empty(top)
        if is_new:
            with suppress(OSError):
                os.rmdir(directory)  # noqa: PTH106 (of the same family as the rest)
        if isinstance(error, OSError):
            raise UsageError(f"{directory}: {reason(error)}") from None
        raise
    finally:
        os.close(top)


def _open(directory: str) -> tuple[int, bool]:
    """The directory, and whether it is new."""
    is_new, hint = False, "name a new directory"
    try:
        with suppress(FileExistsError):
            os.mkdir(directory, 0o755)  # noqa: PTH102 (of the same family as the rest)
            is_new = True
        top = os.open(directory, _DIR)
    except OSError as error:
        raise UsageError(f"{directory}: {reason(error)}", hint) from None
    try:
        # also what is new: somebody may have put another one in its place
        status = os.fstat(top)
        if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise UsageError(f"{directory}: others may write there", hint)
        with os.scandir(top) as entries:
            if next(entries, None):
                raise UsageError(f"{directory}: is not empty", hint)
    except BaseException:
        os.close(top)
        raise
    return top, is_new


def _write(top: int, path: str, data: bytes, mode: int) -> None:
    *above, name = path.split("/")
    here = os.dup(top)
    try:
        for part in above:
            with suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=here)
            below = os.open(part, _DIR, dir_fd=here)
            os.close(here)
            here = below
        with os.fdopen(os.open(_UNFINISHED, _NEW, mode, dir_fd=top), "wb") as file:
            file.write(data)
        os.rename(_UNFINISHED, name, src_dir_fd=top, dst_dir_fd=here)
    finally:
        os.close(here)


def _empty(top: int) -> None:
    """Take away all that was written."""
    for name in os.listdir(top):
        try:
            os.unlink(name, dir_fd=top)
        except IsADirectoryError:
            shutil.rmtree(name, ignore_errors=True, dir_fd=top)
