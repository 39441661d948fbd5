# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of --watch in a guest, and what it tells."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modprobe_ipsec.lab.network import until

TOOL = (sys.executable, "-I", "-m", "modprobe_ipsec")
CONF = Path("/etc/ipsec.conf")
WHOSE = ("--daemon", "libreswan", "--config", str(CONF))
LONG = 20.0


class Watched:
    """A run of --watch, and what it has told."""

    def __init__(self, name: str, *arguments: str) -> None:
        self._file = Path(f"/run/watch-{name}")
        self._errors = Path(f"/run/watch-{name}.errors")
        with self._file.open("wb") as out, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                (*TOOL, "--watch", "--format", "json", "--debug", *arguments),
                stdout=out,
                stderr=errors,
            )
        self._read = 0

    def events(self) -> list[dict[str, Any]]:
        """All so far."""
        whole = self._file.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.split(b"\n") if line]

    def wait(self, fits: Callable[[dict[str, Any]], bool], seconds: float = LONG) -> dict[str, Any]:
        """The first new one that fits, with the time it took; empty if none comes."""
        start = time.monotonic()
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found[:] = [event for event in self.events()[self._read :] if fits(event)]
            time.sleep(0.02)
            return bool(found)

        until(look, seconds)
        if not found:
            return {}
        return {**found[0], "took": time.monotonic() - start}

    def forget(self) -> None:
        """What is told from now on is new."""
        self._read = len(self.events())

    def end(self) -> dict[str, Any]:
        """End it as systemd does."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = -1
        return {
            "status": status,
            "errors": self._errors.read_text(),
            "events": self.events(),
        }


def of(kind: str, state: str = "") -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["event"] == kind and state in ("", event["state"])


def ready(watched: Watched) -> bool:
    """Whether it sees: it has said by what, and has looked at the connections."""
    watched.wait(of("watch"))
    return bool(watched.wait(of("readiness", "begins"), 60))
