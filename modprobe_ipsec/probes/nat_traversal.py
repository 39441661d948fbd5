# SPDX-License-Identifier: GPL-3.0-or-later
"""Does an SA take packets both with and without UDP encapsulation?

Wanted: yes, at any time, whichever form the SA has itself (RFC 7296, 2.23; wishlist).

Kernels: none does: an SA with encapsulation drops bare ESP as XfrmInStateMismatch, one without
drops ESP in UDP. The port is free: another one is told (MAPPING), and 500 is as good as 4500. The
old form for drafts of IKE (UDP_ENCAP 1) ended between 6.1 and 6.12; keepalives of the kernel came
with 6.11.

Pluto: a peer that changes its form needs new SAs; forcing encapsulation on both sides avoids it.

Charon: the same. Keepalives of the kernel may take its own off its hands where GETSA shows them.
"""

import socket
import struct

from modprobe_ipsec.base.annotations import Iterable
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.lab import packets
from modprobe_ipsec.lab.network import received, until
from modprobe_ipsec.lab.states import SA_OUT, encapsulated
from modprobe_ipsec.lab.workbench import DELIVERED, Workbench
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply, tried

# include/uapi/linux/udp.h, tcp.h
_UDP_ENCAP, _NON_IKE, _ESPINTCP = 100, 1, 7
_TCP_ULP = 31
_MISMATCH = "XfrmInStateMismatch +1"


def ask(bench: Workbench) -> Reply:
    """Send every form to an SA of every form."""
    cases = []
    for family in bench.families:
        cases += _forms(bench, family, with_encap=True)
        cases += _forms(bench, family, with_encap=False)
        cases += _others(bench, family)
    cases += _keepalives(bench)
    own = _seen(cases, "with it, 4500", "without it, bare ESP")
    other = _seen(cases, "with it, bare ESP", "without it, 4500")
    if own != {DELIVERED} or not other <= {DELIVERED, _MISMATCH}:
        return Reply(UNCLEAR, tuple(cases))
    answer = "in part" if len(other) > 1 else "yes" if DELIVERED in other else "no"
    return Reply(answer, tuple(cases))


def _seen(cases: Iterable[tuple[str, str]], *ends: str) -> set[str]:
    return {outcome for case, outcome in cases if case.endswith(ends)}


def _forms(bench: Workbench, family: Family, *, with_encap: bool) -> list[tuple[str, str]]:
    network = bench.network
    pair = bench.pair(family)
    frames = bench.frames(pair, 4)
    sa = encapsulated(pair.there) if with_encap else pair.there
    bench.b.add(sa, pair.policies(network.b)[1])
    wire = bench.wire(network.a)
    found = []
    ours, theirs = bench.sockets(pair)
    monitor = bench.monitor(network.b)
    with (
        ours,
        theirs,
        network.encapsulation(network.b, family),
        network.encapsulation(network.b, family, 500),
    ):
        for (case, ports), frame in zip(_PORTS, frames, strict=True):
            counters = bench.counters(network.b)
            wire.put(packets.in_udp(frame, *ports) if ports else frame)
            outcome = bench.fate(theirs, counters)
            mapped = any(event.name == "MAPPING" for event in monitor.heard())
            told = ", tells MAPPING" * mapped
            which = "with it" if with_encap else "without it"
            found.append((f"{family.label}, SA {which}, {case}", outcome + told))
    monitor.close()
    return found


_PORTS: tuple[tuple[str, tuple[int, int] | None], ...] = (
    ("bare ESP", None),
    ("4500", (4500, 4500)),
    ("from another port", (4501, 4500)),
    ("500", (500, 500)),
)


def _others(bench: Workbench, family: Family) -> list[tuple[str, str]]:
    bench.clear()
    network = bench.network
    pair = bench.pair(family)
    old, in_tcp = (
        pair.back.plus("ENCAP", struct.pack("H", kind) + struct.pack(">2H", 4500, 4500) + bytes(18))
        for kind in (_NON_IKE, _ESPINTCP)
    )
    with network.udp(network.a, network.a.outside(family), 4500) as made:
        option = tried(made.setsockopt, socket.IPPROTO_UDP, _UDP_ENCAP, _NON_IKE)
    with network.at(network.a):
        kind = socket.AF_INET6 if family is Family.IPV6 else socket.AF_INET
        with socket.socket(kind, socket.SOCK_STREAM) as tcp:
            ulp = tried(tcp.setsockopt, socket.IPPROTO_TCP, _TCP_ULP, b"espintcp")
    return [
        (f"{family.label}, a keepalive", _eaten(bench, family)),
        (f"{family.label}, the form for drafts of IKE, socket", option),
        (f"{family.label}, the form for drafts of IKE, SA", tried(bench.a.add, old)),
        (f"{family.label}, ESP in TCP, socket", ulp),
        (f"{family.label}, ESP in TCP, SA", tried(bench.a.add, in_tcp)),
    ]


def _keepalives(bench: Workbench) -> list[tuple[str, str]]:
    """Whether the kernel itself keeps mappings alive, of both families in the same second."""
    bench.clear()
    wire = bench.wire(bench.network.a)
    kept = {}
    for family in bench.families:
        sa = encapsulated(bench.pair(family, window=0).there).plus("SA_DIR", bytes((SA_OUT,)))
        sa = sa.plus("NAT_KEEPALIVE_INTERVAL", struct.pack("I", 1))
        bench.a.add(sa)
        if "NAT_KEEPALIVE_INTERVAL" in bench.a.show(sa).attributes:
            kept[sa.destination] = family
    came = set()

    def look() -> bool:
        for packet in wire.sent():
            # one byte behind the header (RFC 3948, 2.3)
            if packet.proto == packets.UDP and packet.payload[8:] == b"\xff":
                came.add(packet.destination)
        return came == kept.keys()

    if kept:
        until(look)
    bench.clear()
    found = []
    for family in bench.families:
        seen = "taken, and forgotten"
        for destination, each in kept.items():
            if each is family:
                seen = "sent" if destination in came else "kept, and not sent"
        found.append((f"{family.label}, keepalives of the kernel", seen))
    return found


def _eaten(bench: Workbench, family: Family) -> str:
    network = bench.network
    ends = network.a.outside(family), network.b.outside(family)
    with network.encapsulation(network.b, family) as made:
        bench.wire(network.a).put(packets.udp(*ends, 4500, 4500, b"\xff"))
        network.settle()
        return "the socket gets it" if received(made, 0) else "eaten"
