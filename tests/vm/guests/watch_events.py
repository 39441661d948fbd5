# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: everything else that --watch tells, made to happen one after the other.

Prints for each what was told when it began and when it was over, as JSON; the verdicts are reached
on the host.
"""

import json
import os
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modprobe_ipsec.lab.packets import Packet, corrupted, in_udp, renumbered, sequence
from modprobe_ipsec.lab.pair import PORT
from modprobe_ipsec.lab.states import ESP, FLUSHPOLICY, FLUSHSA, encapsulated
from modprobe_ipsec.lab.workbench import Workbench
from tests.vm.guests.watch import text
from tests.vm.guests.watched import CONF, TOOL, WHOSE, Watched, of, ready

RULE = Path("/etc/modprobe.d/forbidden.conf")
# What a need of the connections rests on, and what nobody has loaded by then.
MODULE = "chacha20poly1305"
MODULES = Path("/lib/modules") / os.uname().release
Said = dict[str, Any]


class Scene:
    """The workbench with a watch at b."""

    def __init__(self) -> None:
        self.bench = Workbench()
        network = self.bench.network
        self.family = self.bench.families[0]
        self.here, self.there = network.b.outside(self.family), network.a.outside(self.family)
        with network.at(network.b):
            self.watched = Watched("events", *WHOSE)
        self.answer: Said = {"ready": ready(self.watched)}

    def tell(
        self,
        name: str,
        does: Callable[[], object],
        kind: str,
        state: str = "",
        says: str = "",
        seconds: float = 30,
    ) -> None:
        """Do it, and wait for what is told of it."""
        self.watched.forget()
        does()

        def fits(event: Said) -> bool:
            return of(kind, state)(event) and says in event["message"]

        self.answer[name] = self.watched.wait(fits, seconds)


def run(*words: str) -> None:
    subprocess.run(words, check=True)


def modules(scene: Scene) -> None:
    tell = scene.tell
    tell(
        "rule",
        lambda: RULE.write_text(f"\ninstall {MODULE} /bin/false\n"),
        "readiness",
        "begins",
        str(RULE),
    )
    tell("rule gone", RULE.unlink, "readiness", "over", str(RULE))
    tell("module", lambda: run("modprobe", MODULE), "module", says=f"{MODULE} was loaded")
    tell(
        "module gone",
        lambda: run("modprobe", "-r", MODULE),
        "module",
        says=f"{MODULE} was unloaded",
    )
    away = MODULES.with_name("away")
    tell("directory gone", lambda: MODULES.rename(away), "module-directory", "begins")
    tell("directory back", lambda: away.rename(MODULES), "module-directory", "over")
    camellia = (
        "ip",
        "xfrm",
        "state",
        "add",
        "src",
        "192.0.2.7",
        "dst",
        "192.0.2.8",
        "proto",
        "esp",
        "spi",
        "9",
    )
    algorithms = ("enc", "cbc(camellia)", f"0x{16 * '01'}", "auth", "hmac(md5)", f"0x{16 * '01'}")
    tell("autoload", lambda: run(*camellia, *algorithms), "module", says="for crypto-")


def sas(scene: Scene) -> None:
    bench, network, tell = scene.bench, scene.bench.network, scene.tell
    pair = bench.pair(scene.family)
    bench.b.add(pair.there, *pair.policies(network.b))
    tell("flush", lambda: bench.b.ask(FLUSHSA, struct.pack("B3x", 0)), "flushed", says="SAs")
    tell("policies", lambda: bench.b.ask(FLUSHPOLICY, b""), "flushed", says="policies")
    old = pair.there._replace(limits=(("hard_add_seconds", 1),))
    tell("expired", lambda: bench.b.add(old), "expired-sa")
    # nobody answers; then somebody does
    network.set(network.b, "net/core/xfrm_acq_expires", "2")
    bench.b.add(pair.policies(network.b)[0])
    with network.udp(network.b, pair.end(network.b), PORT) as theirs:

        def send() -> None:
            theirs.sendto(b"x", (pair.end(network.a), PORT))

        tell("acquire", send, "unanswered-acquire", "begins")
        tell("answered", lambda: bench.b.add(pair.out_of(network.b)), "unanswered-acquire", "over")
        network.set(network.b, "net/core/xfrm_acq_expires", "0")
        bench.b.delete(pair.out_of(network.b))
        tell("larval", send, "larval-sa", seconds=40)
    bench.clear()


def failures(scene: Scene) -> None:
    bench, network, tell = scene.bench, scene.bench.network, scene.tell
    pair = bench.pair(scene.family)
    wire = bench.wire(network.a)
    frame = bench.frames(pair, 1)[0]
    bench.b.add(pair.there, pair.policies(network.b)[1])
    bench.arrives(pair, frame, wire)
    tell("replay", lambda: wire.put(frame), "sa-failures", "begins", "replayed")
    broken = corrupted(renumbered(frame, sequence(frame) + 5))
    # the SAs are not looked at again at once
    tell("integrity", lambda: wire.put(broken), "sa-failures", "begins", "ICV")
    short = Packet(scene.there, scene.here, ESP, bytes(4))
    tell("counter", lambda: wire.put(short), "counter", "begins", "XfrmInHdrError")
    bench.clear()
    mapped = encapsulated(pair.there)
    bench.b.add(mapped, pair.policies(network.b)[1])
    with network.encapsulation(network.b, scene.family):
        # a fresh SA takes its number again
        moved = in_udp(frame, 40000)
        tell("mapping", lambda: wire.put(moved), "nat-mapping")


def once() -> Said:
    """Two looks: one at a host in order, and one where a module is forbidden."""
    found: Said = {}
    for name, rule in (("quiet", ""), ("trouble", f"install {MODULE} /bin/false\n")):
        if rule:
            run("modprobe", "-r", MODULE)
        else:
            run("modprobe", "-a", MODULE, "chacha", "esp4")
        RULE.write_text(rule)
        done = subprocess.run(
            (*TOOL, "--watch", "--once", "--esp", "chacha20poly1305", "-4"),
            capture_output=True,
            text=True,
        )
        found[name] = {"status": done.returncode, "out": done.stdout, "err": done.stderr}
    RULE.unlink()
    start = time.monotonic()
    done = subprocess.run(
        (*TOOL, "--watch", "--for", "1", "--format", "journal"), capture_output=True, text=True
    )
    found["for"] = {"status": done.returncode, "out": done.stdout, "took": time.monotonic() - start}
    return found


def main() -> None:
    CONF.write_text(text())
    scene = Scene()
    modules(scene)
    sas(scene)
    failures(scene)
    print(json.dumps({"told": scene.answer, "end": scene.watched.end(), "once": once()}))


if __name__ == "__main__":
    main()
