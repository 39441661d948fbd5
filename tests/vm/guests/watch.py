# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: --watch beside what it is to tell, each made to happen for real.

Prints what was done and what was told, with times, as JSON; the verdicts are reached on the host.
"""

import json
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modprobe_ipsec.catalog.model import XfrmTable
from modprobe_ipsec.kernel.sa import SaAlgorithm
from modprobe_ipsec.lab.network import until
from modprobe_ipsec.lab.pair import PORT, Pair
from modprobe_ipsec.lab.states import AH, FLUSHSA, encapsulated
from modprobe_ipsec.lab.workbench import Workbench

TOOL = (sys.executable, "-I", "-m", "modprobe_ipsec")
CONF = Path("/etc/ipsec.conf")
WHOSE = ("--daemon", "libreswan", "--config", str(CONF))
LONG = 20.0
HMAC = SaAlgorithm(XfrmTable.AUTH, "hmac(sha256)", 256, 128, bytes(32))


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


def conf(bench: Workbench) -> str:
    text = ""
    for family in bench.families:
        a, b = (host.outside(family) for host in (bench.network.a, bench.network.b))
        text += f"conn {family}\n  left={b}\n  right={a}\n  authby=secret\n  auto=add\n"
    return text


def pairs(bench: Workbench) -> dict[str, Pair]:
    found = {}
    for family in bench.families:
        found[f"esp {family}"] = bench.pair(family)
        ah = bench.pair(family, algorithms=(HMAC,), protocol=AH, spi=0x2000)
        found[f"ah {family}"] = ah
        in_udp = bench.pair(family, spi=0x3000)
        found[f"udp {family}"] = in_udp._replace(
            there=encapsulated(in_udp.there), back=encapsulated(in_udp.back)
        )
    return found


def ready(watched: Watched) -> bool:
    """Whether it sees: it has said by what, and has looked at the connections."""
    watched.wait(of("watch"))
    return bool(watched.wait(of("readiness", "begins"), 60))


def lost(bench: Workbench, watched: Watched, pair: Pair) -> dict[str, Any]:
    """b's SAs are flushed, and a sends on."""
    bench.clear()
    pair.install(bench.a, bench.b)
    ours, theirs = bench.sockets(pair)
    with ours, theirs:
        ours.sendto(b"before", (pair.end(bench.network.b), PORT))
        arrived = until(lambda: bool(theirs.recv(100)) if _readable(theirs) else False, 2)
        # so long that what is on its way is there
        time.sleep(0.1)
        watched.forget()
        bench.b.ask(FLUSHSA, struct.pack("B3x", 0))
        told: dict[str, Any] = {}
        start = time.monotonic()
        while not told and time.monotonic() - start < LONG:
            # one that comes before the watch has heard of the flush may be missed
            ours.sendto(b"after", (pair.end(bench.network.b), PORT))
            told = watched.wait(of("unknown-spi", "begins"), 0.2)
        told["took"] = time.monotonic() - start
    return {"arrived": arrived, "spi": pair.there.spi, "told": told}


def _readable(made: Any) -> bool:
    import select

    return bool(select.select((made,), (), (), 0)[0])


def unknown_spis(bench: Workbench) -> dict[str, Any]:
    """Each witness, each protocol, each family."""
    found: dict[str, Any] = {}
    network = bench.network
    for witness in ("packets", "raw", "counter"):
        with network.at(network.b):
            watched = Watched(
                witness, "--witness", witness, "--daemon", "libreswan", "--config", str(CONF)
            )
        made: dict[str, Any] = {"ready": ready(watched)}
        for name, pair in pairs(bench).items():
            with (
                network.encapsulation(network.a, pair.family),
                network.encapsulation(network.b, pair.family),
            ):
                made[name] = lost(bench, watched, pair)
            if witness == "counter":
                break
        found[witness] = {"made": made, **watched.end()}
    return found


def main() -> None:
    bench = Workbench()
    CONF.write_text(conf(bench))
    answer: dict[str, Any] = {}
    for name in sys.argv[1:] or ("unknown_spis",):
        answer[name] = globals()[name](bench)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
