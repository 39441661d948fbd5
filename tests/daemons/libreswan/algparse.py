# SPDX-License-Identifier: GPL-3.0-or-later
"""libreswan's own proposal parser of several releases, from Debian's packages."""

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.debs import OracleError, start, unpacked

SUITES = {"bookworm": "4.10", "trixie": "5.2"}
"""Debian's releases with the libreswan that each has."""
_COMMON = "libreswan libc6 libnspr4 libnss3 libsqlite3-0 zlib1g"
_PACKAGES = {
    "bookworm": f"{_COMMON} libunbound8 libevent-2.1-7 libgmp10 libhogweed6 libnettle8"
    " libnghttp2-14 libprotobuf-c1 libssl3",
    "trixie": _COMMON,
}


def libreswan(suite: str) -> Path:
    """The root of libreswan's package, with what its programs need. Raises OracleError."""
    return unpacked(suite, _PACKAGES[suite].split())


class Algparse:
    """One release of `algparse`, fetched when it is first needed."""

    def __init__(self, suite: str) -> None:
        self.version = SUITES[suite]
        self._root = libreswan(suite)

    def read(self, texts: Iterable[str], *flags: str) -> dict[str, list[str] | None]:
        """What it makes of `esp=...` or `ah=...`: the proposals it prints, None for an error."""
        wanted = list(texts)
        command = [*start(self._root, "usr/libexec/ipsec/algparse"), *flags, *wanted]
        done = subprocess.run(command, capture_output=True, text=True)
        found = list(_answers(done.stdout))
        if len(found) != len(wanted):
            raise OracleError(
                f"algparse {self.version} answered {len(found)} of {len(wanted)} proposals, the "
                f"next one is {wanted[len(found)]!r}: {done.stderr[-500:]}"
            )
        return dict(zip(wanted, found, strict=True))


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
