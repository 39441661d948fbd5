# SPDX-License-Identifier: GPL-3.0-or-later
"""libreswan's own reader of ipsec.conf, of 4.10 and 5.2: it dumps the connections that it resolved.

From Debian's packages, as `algparse`.
"""

import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.daemons.libreswan.algparse import libreswan
from tests.debs import OracleError, start

VERSIONS = {"bookworm": (4, 10), "trixie": (5, 2)}
_SETTING = re.compile(r"\t([a-z0-9-]+)=([^\t\n]*)")


class Crash(Exception):
    """It ended with a segmentation fault."""


@dataclass
class Dumped:
    """A connection as it was printed. 5.2 leaves the values of words and numbers empty."""

    name: str
    settings: dict[str, str] = field(default_factory=dict)


@dataclass
class Dump:
    """What it said. `conns` is None if it refused the file."""

    conns: list[Dumped] | None
    messages: str

    def lost(self) -> set[str]:
        """Connections of which it said that something made them fail."""
        return set(re.findall(r"^while loading '(.*?)': ", self.messages, re.MULTILINE))

    def duplicates(self) -> set[tuple[str, str]]:
        """Name of the connection, and the key."""
        pattern = r"duplicate key '([^']*)' in conn (.*) while processing def "
        return {(conn, key) for key, conn in re.findall(pattern, self.messages)}

    def missing(self) -> set[str]:
        """Connections whose also= names none."""
        pattern = r"cannot find conn '[^']*' needed by conn '([^']*)'"
        return set(re.findall(pattern, self.messages))


class Readwriteconf:
    """One release of `readwriteconf`, fetched when it is first needed."""

    def __init__(self, suite: str) -> None:
        self.version = VERSIONS[suite]
        self._root = libreswan(suite)

    def read(self, files: Mapping[str, str]) -> Dump:
        """Read /etc/ipsec.conf of these files."""
        with tempfile.TemporaryDirectory() as directory:
            for path, text in files.items():
                place = Path(directory + path)
                place.parent.mkdir(parents=True, exist_ok=True)
                moved = re.sub(
                    r"^(include[ \t]+)/", rf"\g<1>{directory}/", text, flags=re.MULTILINE
                )
                place.write_bytes(moved.encode())
            program = start(self._root, "usr/libexec/ipsec/readwriteconf")
            done = subprocess.run(
                [*program, "--config", f"{directory}/etc/ipsec.conf"],
                capture_output=True,
                cwd=directory,
                timeout=60,
            )
        messages = done.stderr.decode(errors="replace")
        if done.returncode == -signal.SIGSEGV:
            raise Crash
        if done.returncode not in (0, 1, 3):
            raise OracleError(f"readwriteconf {self.version}: status {done.returncode}: {messages}")
        output = done.stdout.decode(errors="replace")
        return Dump(None if done.returncode else _conns(output), messages)


def _conns(output: str) -> list[Dumped]:
    conns: list[Dumped] = []
    for line in output.split("\n"):
        if line.startswith("conn "):
            conns.append(Dumped(line.removeprefix("conn ")))
        elif conns:
            conns[-1].settings.update(_SETTING.findall(line))
    return conns
