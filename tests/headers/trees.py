# SPDX-License-Identifier: GPL-3.0-or-later
"""Header trees of Debian's releases, with glibc and musl, and compiling by hand over them."""

import atexit
import gzip
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.debs import unpacked

SUITES = ("bullseye", "bookworm", "trixie", "sid")
LIBCS = {"glibc": ("linux-libc-dev", "libc6-dev"), "musl": ("musl-dev", "linux-libc-dev")}
TREES = [(suite, libc) for libc in LIBCS for suite in SUITES]


@cache
def tree(suite: str, libc: str) -> Path:
    """A tree of headers that everybody may read, root's cache being nobody's business."""
    source = unpacked(suite, LIBCS[libc]) / "usr/include"
    root = temporary()
    shutil.copytree(source, root / "usr/include", ignore=_others)
    return root


def temporary() -> Path:
    """A directory that everybody may read, and that is gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="modprobe-ipsec-headers-"))
    atexit.register(shutil.rmtree, root)
    root.chmod(0o755)
    return root


def versions(suite: str, libc: str) -> str:
    """The packages of a tree, each with its version."""
    return ", ".join(f"{package} {_version(suite, libc, package)}" for package in LIBCS[libc])


def _version(suite: str, libc: str, package: str) -> str:
    place = unpacked(suite, LIBCS[libc]) / "usr/share/doc" / package
    first = gzip.decompress(next(place.glob("changelog.[Dg]*")).read_bytes()).split(b"\n")[0]
    return first.partition(b"(")[2].partition(b")")[0].decode()


def _others(directory: str, names: list[str]) -> list[str]:
    """What is of other machines, and large."""
    kept = ("x86_64-linux-gnu", "x86_64-linux-musl")
    return [n for n in names if ("-linux-" in n and n not in kept) or n in ("drm", "sound", "rdma")]


def by_hand(root: Path, libc: str, *headers: str, over: Path | None = None) -> bool:
    """gcc over a text, with the places of this tree written out; `over` comes before them."""
    include = root / "usr/include"
    places = [include, include / "x86_64-linux-gnu"]
    if libc == "musl":
        places.insert(0, include / "x86_64-linux-musl")
    if over:
        places.insert(0, over)
    flags = [f"-I{place}" for place in (*places, _own())]
    source = "".join(f"#include <{header}>\n" for header in headers) + "int x;\n"
    command = ["gcc", "-nostdinc", *flags, "-w", "-S", "-o", "/dev/null", "-x", "c", "-"]
    return not subprocess.run(command, input=source.encode(), capture_output=True).returncode


@cache
def _own() -> str:
    """Where the compiler's own headers are."""
    command = ["gcc", "-print-file-name=include"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
