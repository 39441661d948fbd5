# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the kernel tell anybody that a packet with an unknown SPI has arrived?

Wanted: a message to the key manager, so that it can say INVALID_SPI to the peer (RFC 7296, 1.5;
wishlist). RFC 4303, 3.4.2 asks for an auditable event.

Kernels: none tells; they count XfrmInNoStates, or answer with an ICMP error where no SA of that
protocol was ever made, so that nothing is there to look for one. Only the audit log of the whole
host names SPI and peer, if auditing is on; nftables can log such packets, in a namespace of one's
own, too.

Pluto: cannot send INVALID_SPI from what XFRM tells; a raw ESP socket with a filter can see such
packets, and needs a policy of its own (IP_XFRM_POLICY) to be left alone by those of the tunnel.

Charon: the same; XfrmInNoStates growing says that it happens, and not for whom.
"""

import socket
import struct
from contextlib import closing

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.lab import packets
from modprobe_ipsec.lab.counters import in_words
from modprobe_ipsec.lab.network import received
from modprobe_ipsec.lab.packets import AH, COMP, ESP, ICMP, ICMPV6, Packet
from modprobe_ipsec.lab.states import IN, Policy, Selector
from modprobe_ipsec.lab.watchers import Absent, audit, packet_filter, told
from modprobe_ipsec.lab.workbench import Workbench
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply
from modprobe_ipsec.probes._effects import OWN_POLICY

_UNKNOWN = 0x12345678

_EVERYTHING = {
    Family.IPV4: Selector("0.0.0.0/0", "0.0.0.0/0"),
    Family.IPV6: Selector("::/0", "::/0"),
}


def ask(bench: Workbench) -> Reply:
    """Send packets of all protocols, before and after there is an SA, and listen."""
    cases = []
    for family in bench.families:
        for name, proto in (("AH", AH), ("IPComp", COMP)):
            outcome = _sent(bench, _packet(bench, family, proto))
            cases.append((f"{name} {family.label}", outcome))
        pair = bench.pair(family)
        bench.b.add(pair.there)
        esp = _packet(bench, family, ESP)
        cases += [
            (f"ESP {family.label}", _sent(bench, esp)),
            *_in_udp(bench, family, esp),
            (f"ESP {family.label}, to a raw socket", _raw(bench, family, esp)),
        ]
        cases += _watched(bench, family, esp)
        bench.b.add(pair.policies(bench.network.b)[1]._replace(selector=_all_esp(bench, family)))
        cases += [
            (f"ESP {family.label}, policies cover it", _sent(bench, esp)),
            (f"ESP {family.label}, to a raw socket, policies cover it", _raw(bench, family, esp)),
            (
                f"ESP {family.label}, to a raw socket with a policy of its own",
                _raw(bench, family, esp, let_pass=True),
            ),
        ]
        bench.clear()
    if any("tells" in outcome for _, outcome in cases):
        return Reply("told", tuple(cases))
    plain = {outcome for case, outcome in cases if case in ("ESP IPv4", "ESP IPv6")}
    counted = plain == {"XfrmInNoStates +1"}
    return Reply("counted, not told" if counted else UNCLEAR, tuple(cases))


def _packet(bench: Workbench, family: Family, proto: int) -> Packet:
    ends = bench.network.a.outside(family), bench.network.b.outside(family)
    spi = struct.pack(">I", _UNKNOWN)
    # AH: next header, length, and the SPI; IPComp: next header, flags, CPI
    head = {ESP: spi, AH: b"\4\4\0\0" + spi, COMP: b"\4\0\x12\x34"}[proto]
    return Packet(*ends, proto, head + struct.pack(">I", 1) + bytes(32))


def _all_esp(bench: Workbench, family: Family) -> Selector:
    pair = bench.pair(family)
    return pair.selector(bench.network.a)._replace(proto=ESP, sport=0, dport=0)


def _sent(bench: Workbench, packet: Packet) -> str:
    """What comes of a packet: counters, messages, ICMP."""
    network = bench.network
    monitor, counters = bench.monitor(network.b), bench.counters(network.b)
    back = bench.wire(network.b)
    bench.wire(network.a).put(packet)
    counted = counters.settled()
    error = back.next(lambda answer: answer.proto in (ICMP, ICMPV6), 0)
    told = "".join(f", tells {event.name}" for event in monitor.heard())
    monitor.close()
    icmp = f", ICMP {error.payload[0]}/{error.payload[1]}" if error else ""
    return f"{in_words(counted)}{told}{icmp}"


def _in_udp(bench: Workbench, family: Family, esp: Packet) -> list[tuple[str, str]]:
    packet = packets.in_udp(esp)
    closed = _sent(bench, packet)
    with bench.network.encapsulation(bench.network.b, family) as made:
        outcome = _sent(bench, packet)
        got = "the socket gets it" if received(made, 0) else "the socket gets nothing"
    return [
        (f"ESP in UDP {family.label}, nobody listens", closed),
        (f"ESP in UDP {family.label}", f"{outcome}, {got}"),
    ]


def _watched(bench: Workbench, family: Family, esp: Packet) -> list[tuple[str, str]]:
    """Whether the audit log tells, and a packet filter can."""
    found = []
    for case, watch, text in (
        ("in the audit log", audit, b"op=SA-notfound"),
        (
            "logged by nftables",
            lambda: packet_filter(bench.network, family),
            struct.pack(">I", _UNKNOWN),
        ),
    ):
        try:
            with watch() as listener:
                bench.wire(bench.network.a).put(esp)
                seen = "seen" if told(listener, text) else "not seen"
        except Absent as why:
            seen = f"not here, as {why}"
        found.append((f"ESP {family.label}, {case}", seen))
    return found


def _raw(bench: Workbench, family: Family, esp: Packet, *, let_pass: bool = False) -> str:
    network = bench.network
    with network.at(network.b):
        kind = socket.AF_INET6 if family is Family.IPV6 else socket.AF_INET
        made = socket.socket(kind, socket.SOCK_RAW | socket.SOCK_NONBLOCK, ESP)
    with closing(made):
        if let_pass:
            allow = Policy(_EVERYTHING[family], IN).pack()
            made.setsockopt(*OWN_POLICY[family], allow)
        counters = bench.counters(network.b)
        bench.wire(network.a).put(esp)
        counted = counters.settled()
        seen = "seen" if received(made, 0) else "not seen"
        return f"{seen}, {in_words(counted)}"
