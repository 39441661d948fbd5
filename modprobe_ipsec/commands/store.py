# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a tree of small files into a directory that is new, and follows no link on the way."""

import os
from contextlib import suppress

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.errors import UsageError

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def store(directory: str, files: Mapping[str, bytes]) -> None:
    """Write each file at its relative path. Raises UsageError if the directory is not empty."""
    try:
        with suppress(FileExistsError):
            os.mkdir(directory, 0o755)  # noqa: PTH102 (a function of the same family as the rest)
        top = os.open(directory, _DIR)
    except OSError as error:
        raise UsageError(f"{directory}: {_why(error)}", "name a new directory") from None
    try:
        with os.scandir(top) as entries:
            if next(entries, None):
                raise UsageError(f"{directory}: is not empty", "name a new directory")
        for path, data in files.items():
            _write(top, path, data)
    except OSError as error:
        raise UsageError(f"{directory}: {_why(error)}") from None
    finally:
        os.close(top)


def _write(top: int, path: str, data: bytes) -> None:
    *above, name = path.split("/")
    here = os.dup(top)
    try:
        for part in above:
            with suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=here)
            below = os.open(part, _DIR, dir_fd=here)
            os.close(here)
            here = below
        with os.fdopen(os.open(name, _NEW, 0o644, dir_fd=here), "wb") as file:
            file.write(data)
    finally:
        os.close(here)


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
