# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: --watch beside what it is to tell, each made to happen for real.

Prints what was done and what was told, with times, as JSON; the verdicts are reached on the host.
"""

import json
import os
import select
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from modprobe_ipsec.catalog.model import Family, XfrmTable
from modprobe_ipsec.kernel.sa import SaAlgorithm
from modprobe_ipsec.lab.network import until
from modprobe_ipsec.lab.packets import Packet
from modprobe_ipsec.lab.pair import PORT, Pair
from modprobe_ipsec.lab.states import AH, ESP, FLUSHSA, encapsulated
from modprobe_ipsec.lab.workbench import Workbench
from tests.vm.guests.watched import CONF, LONG, WHOSE, Watched, of, ready

# Of a flood, and the time in which nothing happens (seconds).
PACKETS, SOURCES, IDLE = 100_000, 50_000, 60
HMAC = SaAlgorithm(XfrmTable.AUTH, "hmac(sha256)", 256, 128, bytes(32))


def text() -> str:
    """Two connections of libreswan's, whose addresses are the workbench's."""
    found = ""
    for family, ends in (("ipv4", "192.0.2.%d"), ("ipv6", "2001:db8::%d")):
        found += f"conn {family}\n  left={ends % 2}\n  right={ends % 1}\n"
        found += "  authby=secret\n  auto=add\n"
    return found


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
    return bool(select.select((made,), (), (), 0)[0])


def unknown_spis(bench: Workbench) -> dict[str, Any]:
    """Each witness, each protocol, each family."""
    found: dict[str, Any] = {}
    network = bench.network
    for witness in ("packets", "raw", "counter"):
        with network.at(network.b):
            watched = Watched(witness, "--witness", witness, *WHOSE)
        made: dict[str, Any] = {"ready": ready(watched)}
        for name, pair in pairs(bench).items():
            if witness == "raw" and name.startswith("udp"):
                # it does not see these
                continue
            with (
                network.encapsulation(network.a, pair.family),
                network.encapsulation(network.b, pair.family),
            ):
                made[name] = lost(bench, watched, pair)
            if witness == "counter":
                break
        found[witness] = {"made": made, **watched.end()}
    return found


def by_audit(bench: Workbench, watched: Watched) -> dict[str, Any]:
    """Audit tells the machine's own network namespace, of all."""
    made: dict[str, Any] = {"ready": ready(watched)}
    for family in bench.families:
        made[f"esp {family}"] = lost(bench, watched, bench.pair(family))
    return {"made": made, **watched.end()}


def flood(bench: Workbench) -> dict[str, Any]:
    """Packets from invented addresses, and a peer among them; memory and CPU time of the watch."""
    network = bench.network
    with network.at(network.b):
        watched = Watched("flood", *WHOSE)
    made: dict[str, Any] = {"ready": ready(watched)}
    pair = bench.pair(bench.families[0])
    # the type has to be loaded, or nobody counts
    bench.b.add(pair.there)
    counters = bench.counters(network.b)
    before = _usage(watched.process.pid)
    wire = bench.wire(network.a)
    start, first = time.monotonic(), len(watched.events())
    for number in range(PACKETS):
        source = (
            f"10.{number % SOURCES >> 16}.{number % SOURCES >> 8 & 255}.{number % SOURCES & 255}"
        )
        spi = struct.pack(">II", 0x10000 + number, 1)
        wire.put(Packet(source, network.b.outside(Family.IPV4), ESP, spi + bytes(32)))
        if number == PACKETS // 2:
            theirs = network.a.outside(Family.IPV4)
            for _ in range(20):
                wire.put(Packet(theirs, network.b.outside(Family.IPV4), ESP, spi + bytes(32)))
    made["seconds"] = time.monotonic() - start
    time.sleep(max(0.0, 65 - made["seconds"]))
    after = _usage(watched.process.pid)
    made["memory"] = after["memory"]
    made["peak"] = after["peak"]
    made["cpu"] = after["cpu"] - before["cpu"]
    made["counted"] = counters.now()
    made["lines"] = [e for e in watched.events()[first:] if e["event"] == "unknown-spi"]
    return {"made": made, **watched.end()}


def idle(bench: Workbench) -> dict[str, Any]:
    """CPU time and memory where nothing happens, beside `ip xfrm monitor`."""
    bench.clear()
    bench.b.add(bench.pair(bench.families[0]).there)
    with bench.network.at(bench.network.b):
        watched = Watched("idle", *WHOSE)
        monitor = subprocess.Popen(("ip", "xfrm", "monitor"), stdout=subprocess.DEVNULL)
    ready(watched)
    time.sleep(5)
    found = {}
    before = {pid: _usage(pid) for pid in (watched.process.pid, monitor.pid)}
    time.sleep(IDLE)
    for name, pid in (("watch", watched.process.pid), ("ip xfrm monitor", monitor.pid)):
        now = _usage(pid)
        found[name] = {**now, "cpu": (now["cpu"] - before[pid]["cpu"]) / IDLE}
    monitor.kill()
    return {"made": found, **watched.end()}


def _usage(pid: int) -> dict[str, Any]:
    """Memory (kB), its peak, and CPU time (s) of a process."""
    status = dict(
        line.partition(":")[::2] for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return {
        "memory": int(status["VmRSS"].split()[0]),
        "peak": int(status["VmHWM"].split()[0]),
        "cpu": (int(fields[11]) + int(fields[12])) / ticks,
    }


def main() -> None:
    wanted = sys.argv[1:] or ["unknown_spis", "by_audit"]
    # in the machine's own namespace, before there is another
    audit = None
    if "by_audit" in wanted:
        CONF.write_text(text())
        audit = Watched("audit", *WHOSE)
    bench = Workbench()
    CONF.write_text(text())
    answer: dict[str, Any] = {}
    for name in wanted:
        answer[name] = by_audit(bench, audit) if audit and name == "by_audit" else RUNS[name](bench)
    print(json.dumps(answer))


RUNS = {"unknown_spis": unknown_spis, "flood": flood, "idle": idle}

if __name__ == "__main__":
    main()
