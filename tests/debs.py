# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of Debian's packages as oracles: unpacked into the cache, run where they lie.

They run with the libraries of their own Debian release, so that this machine's does not matter, and
nothing is installed.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.vm.harness.apt import ARCHITECTURE, Apt, AptError
from tests.vm.harness.cache import cache_directory, locked

# Architectures that this machine's CPU can run: where their libraries lie, and the linker there.
_LIBRARIES = {
    "amd64": ("usr/lib/x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
    "i386": ("usr/lib/i386-linux-gnu", "ld-linux.so.2"),
}


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


def with_dependencies(
    suites: Iterable[str], packages: Iterable[str], architecture: str = ARCHITECTURE
) -> tuple[str, Path]:
    """As `unpacked`, with all that the packages depend on, and of any of Debian's architectures.

    Nothing of it has been set up. Of the first of the releases that the mirror has all of them of:
    of some architectures it lacks what was updated last. Returns the release, too. Raises
    OracleError.
    """
    wanted = tuple(packages)
    named = hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:8]
    roots = {
        suite: cache_directory() / "debs" / f"{wanted[0]}-{suite}-{architecture}-{named}"
        for suite in suites
    }
    for suite, root in roots.items():
        if root.exists():
            return suite, root
    failed = []
    for suite, root in roots.items():
        try:
            _fetch_all(suite, wanted, architecture, root)
        except OracleError as error:
            failed.append(str(error))
        else:
            return suite, root
    raise OracleError("\n".join(failed))


def _fetch_all(suite: str, wanted: tuple[str, ...], architecture: str, root: Path) -> None:
    directory = root.parent
    try:
        with locked(directory / f"lock-{suite}-{architecture}"):
            if not root.exists():
                apt = Apt(
                    directory / "apt" / f"{suite}-{architecture}",
                    (suite, f"{suite}-security"),
                    architecture,
                )
                apt.update()
                _unpack(root, lambda archives: apt.download_with_dependencies(wanted, archives))
    except (AptError, OSError, subprocess.CalledProcessError) as error:
        raise OracleError(
            f"{wanted[0]} of Debian {suite} for {architecture} cannot be fetched: {error}"
        ) from error


def start(root: Path, program: str, architecture: str = ARCHITECTURE) -> list[str | Path]:
    """The first words of a command that runs a program of these packages, by their own linker."""
    place, linker = _LIBRARIES[architecture]
    libraries = root / place
    return [libraries / linker, "--library-path", str(libraries), root / program]


def _fetch(directory: Path, suite: str, wanted: tuple[str, ...], root: Path) -> None:
    """Download and unpack; `root` appears in one step."""
    apt = Apt(directory / "apt" / suite, (suite,))
    apt.update()
    packages = [package for name in wanted if (package := apt.newest(name, (suite,)))]
    missing = set(wanted) - {package.name for package in packages}
    if missing:
        raise AptError(f"no package {', '.join(sorted(missing))}")
    _unpack(root, lambda archives: apt.download(packages, archives))


def _unpack(root: Path, download: Callable[[Path], list[Path]]) -> None:
    """Unpack what is downloaded into the directory given; `root` appears in one step."""
    unfinished = root.with_name(f".{root.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    archives = unfinished / "archives"
    archives.mkdir(parents=True)
    # as in Debian itself; libc6 of Debian 12 still lies in /lib
    for name in ("bin", "lib", "lib64", "sbin"):
        (unfinished / "usr" / name).mkdir(parents=True)
        (unfinished / name).symlink_to(f"usr/{name}")
    for archive in download(archives):
        unpack = (
            f"dpkg-deb --fsys-tarfile {archive} | tar -x --keep-directory-symlink -C {unfinished}"
        )
        subprocess.run(["bash", "-o", "pipefail", "-c", unpack], check=True, capture_output=True)
    shutil.rmtree(archives)
    unfinished.rename(root)
