# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine's Python as a guest gets it: the same files at the same paths, less the unused."""

import functools
import importlib.metadata
import importlib.util
import marshal
import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from .cpio import Archive

DISTRIBUTIONS = ("kmodpy", "pyroute2", "pyudev", "PyYAML")
"""What the program needs at run time, beside itself."""
UNUSED_STDLIB = {
    "__pycache__",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
}
UNUSED_EXTENSIONS = re.compile(r"(_test|_ctypes_test|_tkinter|_xx|xx).*\.so")


class MissingError(Exception):
    """This machine lacks something that a guest needs."""


def executables() -> list[Path]:
    """The interpreter by all its names in its environment, links not yet followed."""
    return sorted(Path(sys.prefix, "bin").glob("python*")) or [Path(sys.executable)]


def add_file(archive: Archive, path: Path) -> None:
    """Add a file; Python source together with its byte code, which is never checked or stale."""
    archive.copy(path)
    if path.suffix == ".py" and (code := _bytecode(path, path.read_bytes())):
        archive.file(importlib.util.cache_from_source(str(path), optimization=""), code)


@functools.lru_cache(maxsize=256)
def _bytecode(path: Path, source: bytes) -> bytes | None:
    """A .pyc file after PEP 552, "unchecked hash": valid whatever the guest's clock says."""
    try:
        code = compile(source, str(path), "exec", dont_inherit=True, optimize=0)
    except SyntaxError:
        return None
    unchecked = (1).to_bytes(4, "little")
    head = importlib.util.MAGIC_NUMBER + unchecked + importlib.util.source_hash(source)
    return head + marshal.dumps(code)


def stdlib_files() -> Iterator[Path]:
    """The standard library, extension modules included."""
    # A virtual environment's own "platstdlib" holds nothing but site-packages.
    stdlib = Path(sysconfig.get_path("stdlib"))
    for directory, names, files in os.walk(stdlib):
        names[:] = sorted(
            name for name in names if name not in UNUSED_STDLIB and not name.startswith("config-")
        )
        for name in sorted(files):
            if not UNUSED_EXTENSIONS.fullmatch(name) and not name.endswith(".a"):
                yield Path(directory, name)


def package_files() -> Iterator[Path]:
    """Files of the run-time packages, and what makes a virtual environment one."""
    marker = Path(sys.prefix, "pyvenv.cfg")
    if marker.exists():
        yield marker
    lacking = []
    for name in (*DISTRIBUTIONS, "modprobe-ipsec"):
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            lacking.append(name)
            continue
        for file in distribution.files or ():
            path = Path(os.path.normpath(str(distribution.locate_file(file))))
            if path.suffix != ".pyc" and path.is_file():
                yield path
    # The project itself may be run from the repository, without being installed.
    if wanted := [name for name in lacking if name in DISTRIBUTIONS]:
        raise MissingError(f"{sys.executable} -m pip install {' '.join(wanted)}")
