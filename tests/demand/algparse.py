# SPDX-License-Identifier: GPL-3.0-or-later
"""libreswan's own proposal parser of several releases: Debian's packages, run where unpacked.

Each runs with the libraries of its own Debian release, through their own dynamic linker, so
nothing is installed and this machine's release does not matter.
"""

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.vm.apt import Apt, AptError
from tests.vm.cache import cache_directory, locked

SUITES = {"bookworm": "4.10", "trixie": "5.2"}
"""Debian's releases with the libreswan that each has."""
PACKAGES = ("libreswan", "libc6", "libnspr4", "libnss3", "libsqlite3-0", "zlib1g")
LIBRARIES = "usr/lib/x86_64-linux-gnu"
LINKER = "ld-linux-x86-64.so.2"


class OracleError(Exception):
    """The parser cannot be had, or does not do what it should; the text says what to do."""


class Algparse:
    """One release of `algparse`, fetched when it is first needed."""

    def __init__(self, suite: str) -> None:
        self.version = SUITES[suite]
        directory = cache_directory() / "algparse"
        self._root = directory / suite
        try:
            with locked(directory / "lock"):
                if not self._root.exists():
                    _fetch(directory, suite)
        except (AptError, OSError, subprocess.CalledProcessError) as error:
            raise OracleError(
                f"libreswan of Debian {suite} cannot be fetched: {error}\n"
                "see that `apt-get update && apt-get download libreswan` works here"
            ) from error

    def read(self, texts: Iterable[str], *flags: str) -> dict[str, list[str] | None]:
        """What it makes of `esp=...` or `ah=...`: the proposals it prints, None for an error."""
        wanted = list(texts)
        command = [*self._start(), *flags, *wanted]
        done = subprocess.run(command, capture_output=True, text=True)
        found = list(_answers(done.stdout))
        if len(found) != len(wanted):
            raise OracleError(
                f"algparse {self.version} answered {len(found)} of {len(wanted)} proposals, the "
                f"next one is {wanted[len(found)]!r}: {done.stderr[-500:]}"
            )
        return dict(zip(wanted, found, strict=True))

    def _start(self) -> list[str | Path]:
        # bookworm has the linker in /lib, later releases in /usr/lib
        places = (self._root / LIBRARIES, self._root / "lib/x86_64-linux-gnu")
        linker = next(place / LINKER for place in places if (place / LINKER).exists())
        path = ":".join(map(str, places))
        return [linker, "--library-path", path, self._root / "usr/libexec/ipsec/algparse"]


def _answers(output: str) -> Iterator[list[str] | None]:
    answer: list[str] | None = []
    started = False
    for line in output.splitlines():
        if line.startswith("algparse "):
            if started:
                yield answer
            started, answer = True, []
        elif line.startswith("\tERROR:"):
            answer = None
        elif answer is not None:
            answer.append(line.strip())
    if started:
        yield answer


def _fetch(directory: Path, suite: str) -> None:
    """Unpack the packages below `directory`/`suite`."""
    apt = Apt(directory / "apt", SUITES)
    apt.update()
    packages = [package for name in PACKAGES if (package := apt.newest(name, (suite,)))]
    missing = set(PACKAGES) - {package.name for package in packages}
    if missing:
        raise AptError(f"no package {', '.join(sorted(missing))}")
    unfinished = directory / f".{suite}.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    archives = unfinished / "archives"
    archives.mkdir(parents=True)
    for archive in apt.download(packages, archives):
        subprocess.run(["dpkg-deb", "-x", archive, unfinished], check=True, capture_output=True)
    shutil.rmtree(archives)
    unfinished.rename(directory / suite)
