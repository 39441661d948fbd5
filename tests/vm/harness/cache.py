# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes long to fetch or build is kept outside the tree, and shared by concurrent runs."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

KEEP_SECONDS = 86400
"""How long a built file that nobody asks for any more stays."""


def cache_directory() -> Path:
    """Where everything that can be had again is kept: below $MODPROBE_IPSEC_CACHE, if set."""
    if override := os.environ.get("MODPROBE_IPSEC_CACHE"):
        return Path(override).absolute()
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "modprobe-ipsec"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file: the kernel drops the lock with its holder, so a crash leaves none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def built(name: str, sources: Iterable[Path], build: Callable[[], bytes]) -> Path:
    """The file made of these sources in their present state; built if there is none yet.

    The sources must include the code that builds, unless a change of it cannot matter.
    """
    directory = cache_directory() / "built"
    path = directory / f"{name}-{_state(sources)}"
    with locked(directory / "lock"):
        if not path.exists():
            unfinished = directory / f".{name}.new"
            unfinished.write_bytes(build())
            unfinished.rename(path)
            _forget_unused(directory)
        os.utime(path)
    return path


def _state(sources: Iterable[Path]) -> str:
    """A short name for the present state of some files."""
    state = hashlib.sha256()
    for path in sources:
        about = path.stat()
        state.update(f"{path}\0{about.st_mtime_ns}\0{about.st_size}\n".encode())
    return state.hexdigest()[:16]


def _forget_unused(directory: Path) -> None:
    oldest = time.time() - KEEP_SECONDS
    for path in directory.iterdir():
        if path.name != "lock" and path.stat().st_mtime < oldest:
            path.unlink()
