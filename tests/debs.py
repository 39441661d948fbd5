# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of Debian's packages as oracles: unpacked into the cache, run where they lie.

They run with the libraries of their own Debian release, so that this machine's does not matter, and
nothing is installed.
"""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.vm.harness.apt import Apt, AptError
from tests.vm.harness.cache import cache_directory, locked

_LIBRARIES = "usr/lib/x86_64-linux-gnu"


class OracleError(Exception):
    """A program cannot be had, or does not do what it should; the text says what to do."""


def unpacked(suite: str, packages: Iterable[str]) -> Path:
    """The root of some packages of one Debian release, fetched when it is first asked for.

    The first package is the one that counts and gives the root its name, the others are what it
    needs. Raises OracleError.
    """
    wanted = tuple(packages)
    directory = cache_directory() / "debs"
    root = directory / f"{wanted[0]}-{suite}"
    try:
        with locked(directory / "lock"):
            if not root.exists():
                _fetch(directory, suite, wanted, root)
    except (AptError, OSError, subprocess.CalledProcessError) as error:
        raise OracleError(
            f"{wanted[0]} of Debian {suite} cannot be fetched: {error}\n"
            f"see that `apt-get update && apt-get download {wanted[0]}` works here"
        ) from error
    return root


def start(root: Path, program: str) -> list[str | Path]:
    """The first words of a command that runs a program of these packages, by their own linker."""
    libraries = root / _LIBRARIES
    linker = libraries / "ld-linux-x86-64.so.2"
    return [linker, "--library-path", str(libraries), root / program]


def _fetch(directory: Path, suite: str, wanted: tuple[str, ...], root: Path) -> None:
    """Download and unpack; `root` appears in one step."""
    apt = Apt(directory / "apt" / suite, (suite,))
    apt.update()
    packages = [package for name in wanted if (package := apt.newest(name, (suite,)))]
    missing = set(wanted) - {package.name for package in packages}
    if missing:
        raise AptError(f"no package {', '.join(sorted(missing))}")
    unfinished = directory / f".{root.name}.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    archives = unfinished / "archives"
    archives.mkdir(parents=True)
    # as in Debian itself; libc6 of Debian 12 still lies in /lib
    for name in ("bin", "lib", "lib64", "sbin"):
        (unfinished / "usr" / name).mkdir(parents=True)
        (unfinished / name).symlink_to(f"usr/{name}")
    for archive in apt.download(packages, archives):
        unpack = (
            f"dpkg-deb --fsys-tarfile {archive} | tar -x --keep-directory-symlink -C {unfinished}"
        )
        subprocess.run(["bash", "-o", "pipefail", "-c", unpack], check=True, capture_output=True)
    shutil.rmtree(archives)
    unfinished.rename(root)
