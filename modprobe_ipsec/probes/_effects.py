# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiments: what becomes of one packet, where the SA or policy in its way was changed or not.

Each takes the bench, a family and the change, and says in a few words what it saw. That is the same
with and without the change if the kernel takes something that has no effect.
"""

import os
import socket
import struct
from contextlib import closing, suppress

from modprobe_ipsec.base.annotations import Any, Callable, Sequence
from modprobe_ipsec.catalog.model import Family, XfrmTable
from modprobe_ipsec.kernel.sa import SaAlgorithm
from modprobe_ipsec.lab.counters import in_words
from modprobe_ipsec.lab.network import until
from modprobe_ipsec.lab.packets import AH, Packet, icmp_error, sequence, udp
from modprobe_ipsec.lab.pair import PORT, Pair
from modprobe_ipsec.lab.states import FWD, Association, Policy, Selector
from modprobe_ipsec.lab.workbench import TEXT, Workbench, set_options
from modprobe_ipsec.probes._behaviour import tried

Change = Callable[[Association], Association]

# IP_TOS, IPV6_TCLASS; IP_RECVTOS, IPV6_RECVTCLASS
TOS = {Family.IPV4: 1, Family.IPV6: 67}
_TELL_TOS = {Family.IPV4: 13, Family.IPV6: 66}
# Expedited forwarding with CE, with ECT(0); another class with CE
EF_CE, EF_ECT, OTHER_CE = 0xBB, 0xBA, 0x2B
# IP_MTU_DISCOVER, IPV6_MTU_DISCOVER; IP_PMTUDISC_DO
DISCOVER, DO = {Family.IPV4: 10, Family.IPV6: 23}, 2
# The last number without extended sequence numbers.
LAST = 0xFFFFFFFF
# Port unreachable.
_UNREACHABLE = {Family.IPV4: (3, 3), Family.IPV6: (1, 4)}
ANY = {Family.IPV4: "0.0.0.0/0", Family.IPV6: "::/0"}
# Of the network behind a, and in no policy of b.
_ROUTER = 99
MARK = struct.pack("2I", 5, 0xFF)


def with_fields(**changes: Any) -> Change:
    """The change of some of an SA's fields."""
    return lambda sa: sa._replace(**changes)


def changed(pair: Pair, change: Change) -> Pair:
    """The SA from a to b with the change."""
    return pair._replace(there=change(pair.there))


def _frame(bench: Workbench, pair: Pair, options: Sequence[tuple[int, int]] = ()) -> Packet | None:
    frames = bench.frames(pair, 1, options)
    return frames[0] if frames else None


def outer_field(bench: Workbench, family: Family, change: Change) -> str:
    """TOS or traffic class outside of a tunnel."""
    pair = changed(bench.pair(family, tunnel=True), change)
    frame = _frame(bench, pair, [(TOS[family], EF_CE)])
    return f"{frame.tos:#04x} outside" if frame else "lost"


def inner_field(bench: Workbench, family: Family, change: Change) -> str:
    """The same, of what comes out of one in which it was changed on the way."""
    pair = bench.pair(family, tunnel=True)
    frames = bench.frames(pair, 1, [(TOS[family], EF_ECT)])
    altered = [frame._replace(tos=OTHER_CE) for frame in frames]
    return _tos_told(bench, changed(pair, change), altered)


def _tos_told(bench: Workbench, pair: Pair, frames: list[Packet]) -> str:
    """What the receiver's socket is told of a packet's field."""
    bench.b.add(pair.there, pair.policies(bench.network.b)[1])
    wire = bench.wire(bench.network.a)
    ours, theirs = bench.sockets(pair)
    with ours, theirs:
        set_options(theirs, [(_TELL_TOS[pair.family], 1)])
        for frame in frames:
            wire.put(frame)
        heard: list[bytes] = []

        def look() -> bool:
            try:
                _, told, _, _ = theirs.recvmsg(256, socket.CMSG_SPACE(4))
            except BlockingIOError:
                return False
            heard.extend(data for _, kind, data in told if kind == TOS[pair.family])
            return True

        until(look)
    return f"{heard[0][0]:#04x} comes out" if heard else "lost"


def outer_df(bench: Workbench, family: Family, change: Change) -> str:
    """DF outside, of a packet with DF."""
    pair = changed(bench.pair(family, tunnel=True), change)
    frame = _frame(bench, pair, [(DISCOVER[family], DO)])
    return ("outside DF" if frame.df else "outside no DF") if frame else "lost"


def outer_protocol(bench: Workbench, family: Family, change: Change) -> str:
    """As which protocol ESP goes out."""
    frame = _frame(bench, changed(bench.pair(family), change))
    return f"protocol {frame.proto} outside" if frame else "lost"


def outer_length(bench: Workbench, family: Family, change: Change) -> str:
    """How long it is outside of a tunnel."""
    frame = _frame(bench, changed(bench.pair(family, tunnel=True), change))
    return f"{len(frame.payload)} bytes outside" if frame else "lost"


def number(bench: Workbench, family: Family, change: Change) -> str:
    """The sequence number outside."""
    frame = _frame(bench, changed(bench.pair(family), change))
    return f"number {sequence(frame)}" if frame else "lost"


def ah_length(bench: Workbench, family: Family, change: Change) -> str:
    """How long the header of AH with an ICV of 128 bits is."""
    key = os.urandom(32)
    sha = SaAlgorithm(XfrmTable.AUTH, "hmac(sha256)", 256, 128, key)
    pair = bench.pair(family, protocol=AH, algorithms=(sha,))
    frame = _frame(bench, changed(pair, change))
    return f"{4 * frame.payload[1] + 8} bytes of header" if frame else "lost"


def goes_out(bench: Workbench, family: Family, change: Change) -> str:
    """Whether the SA is used for output."""
    bench.clear()
    pair = changed(bench.pair(family), change)
    bench.a.add(pair.there, pair.policies(bench.network.a)[0])
    return leaves(bench, pair)


def beyond_last(bench: Workbench, family: Family, change: Change) -> str:
    """What becomes of the packet behind the last number of 32 bits."""
    bench.clear()
    # struct xfrm_replay_state: sent, seen, bitmap
    last = ("REPLAY_VAL", struct.pack("3I", LAST, 0, 0))
    pair = changed(bench.pair(family, window=0, more=(last,)), change)
    bench.a.add(pair.there, pair.policies(bench.network.a)[0])
    return leaves(bench, pair)


def at_its_end(bench: Workbench, family: Family, change: Change) -> str:
    """Whether an SA with a limit of packets takes one."""
    bench.clear()
    pair = changed(bench.pair(family, limits=(("hard_packets", 4),)), change)
    bench.a.add(pair.there, pair.policies(bench.network.a)[0])
    return leaves(bench, pair)


def reported(bench: Workbench, family: Family, change: Change) -> str:
    """Whether the kernel tells the numbers of an SA after one packet."""
    bench.clear()
    monitor = bench.monitor(bench.network.a)
    goes_out(bench, family, change)
    told = any(event.name == "NEWAE" for event in monitor.heard())
    monitor.close()
    return "tells NEWAE" if told else "tells nothing"


def other_family(bench: Workbench, family: Family, change: Change) -> str:
    """Whether a packet of the other family goes out through a tunnel."""
    bench.clear()
    others = [other for other in bench.families if other is not family]
    if not others:
        return "there is no other family"
    pair = changed(bench.pair(family, tunnel=True), change)
    inner = bench.pair(others[0], tunnel=True)
    out = pair.policies(bench.network.a)[0]
    bench.a.add(pair.there, out._replace(selector=inner.selector(bench.network.a)))
    return leaves(bench, inner)


def arrives(bench: Workbench, family: Family, change: Change) -> str:
    """What becomes of a packet that arrives at the SA."""
    pair = bench.pair(family)
    frames = bench.frames(pair, 1)
    bench.b.add(change(pair.there), pair.policies(bench.network.b)[1])
    return _put(bench, pair, frames)


def arrives_marked(bench: Workbench, family: Family, change: Change) -> str:
    """The same, where the policy for it wants a mark."""
    pair = bench.pair(family, tunnel=True)
    frames = bench.frames(pair, 1)
    incoming = pair.policies(bench.network.b)[1]._replace(more=(("MARK", MARK),))
    bench.b.add(change(pair.there), incoming)
    return _put(bench, pair, frames)


def _put(bench: Workbench, pair: Pair, frames: list[Packet]) -> str:
    counters, wire = bench.counters(bench.network.b), bench.wire(bench.network.a)
    ours, theirs = bench.sockets(pair)
    with ours, theirs:
        for frame in frames:
            wire.put(frame)
        return bench.fate(theirs, counters)


def leaves(bench: Workbench, pair: Pair) -> str:
    """What becomes of a packet that a sends: whether it leaves in an SA."""
    network = bench.network
    wire, counters = bench.wire(network.a), bench.counters(network.a)
    ours, theirs = bench.sockets(pair)
    with ours, theirs:
        outcome = tried(ours.sendto, TEXT, (pair.end(network.b), PORT))
    if outcome != "ok" or counters.now():
        return f"{outcome}, {in_words(counters.now())}"
    packet = wire.next()
    if packet is None:
        return "lost"
    return "leaves in the clear" if TEXT in packet.payload else "leaves"


def icmp_comes(bench: Workbench, family: Family, change: Change) -> str:
    """Whether an ICMP error of a router that no policy names comes out of a tunnel."""
    bench.clear()
    network = bench.network
    a, b = network.a, network.b
    pair = bench.pair(family, tunnel=True)
    router, there = a.inside(family, _ROUTER), pair.end(b)
    (out, _), (_, incoming) = pair.policies(a), pair.policies(b)
    # the flow of a packet that brings its own header has another source than that says
    every = out.selector._replace(source=ANY[family], proto=0, sport=0, dport=0)
    bench.a.add(pair.there, out._replace(selector=every))
    bench.b.add(change(pair.there), incoming)
    about = udp(there, pair.end(a), PORT, PORT, TEXT)
    error = icmp_error(about, router, *_UNREACHABLE[family])
    counters = bench.counters(b)
    with network.at(a):
        kind = socket.AF_INET6 if family is Family.IPV6 else socket.AF_INET
        raw = socket.socket(kind, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with closing(raw), network.udp(b, there, PORT) as theirs:
        theirs.connect((pair.end(a), PORT))
        raw.sendto(error.pack(), (there, 0))
        counted = counters.soon()
        heard = tried(theirs.recv, 1) == "ECONNREFUSED"
    return f"{'told' if heard else 'lost'}, {in_words(counted)}"


def icmp_is_forwarded(bench: Workbench, family: Family, change: Change) -> str:
    """Whether b forwards an ICMP error of a router that no policy names, out of a tunnel."""
    bench.clear()
    network = bench.network
    a, b = network.a, network.b
    pair = bench.pair(family, tunnel=True)
    router, there = a.inside(family, _ROUTER), b.inside(family, 3)
    (out, _), (_, incoming) = pair.policies(a), pair.policies(b)
    every = out.selector._replace(source=ANY[family], destination=ANY[family], proto=0, sport=0)
    bench.a.add(pair.there, out._replace(selector=every._replace(dport=0)))
    alone = f"{there}/{128 if family is Family.IPV6 else 32}"
    fits = incoming.selector._replace(destination=alone)
    bench.b.add(change(pair.there), incoming._replace(selector=fits, direction=FWD))
    error = icmp_error(udp(there, pair.end(a), PORT, PORT, TEXT), router, *_UNREACHABLE[family])
    counters, wire = bench.counters(b), bench.wire(b)
    with network.at(a):
        kind = socket.AF_INET6 if family is Family.IPV6 else socket.AF_INET
        raw = socket.socket(kind, socket.SOCK_RAW, socket.IPPROTO_RAW)
    came: list[Packet] = []
    with closing(raw):
        raw.sendto(error.pack(), (there, 0))

        def look() -> bool:
            came.extend(packet for packet in wire.sent() if packet.destination == there)
            return bool(came or counters.now())

        network.settle()
        until(look)
        # it is counted before it is forwarded
        network.settle()
        look()
    return f"{'forwarded' if came else 'lost'}, {in_words(counters.now())}"


def as_policy_says(bench: Workbench, family: Family, change: Callable[[Policy], Policy]) -> str:
    """What becomes of a packet that a policy covers."""
    bench.clear()
    pair = bench.pair(family)
    bench.a.add(pair.there, change(pair.policies(bench.network.a)[0]))
    return leaves(bench, pair)


def with_own_policy(bench: Workbench, family: Family, change: Callable[[Policy], Policy]) -> str:
    """What becomes of a packet that a policy blocks, of a socket whose own policy lets it pass."""
    bench.clear()
    pair = bench.pair(family)
    block = pair.policies(bench.network.a)[0]._replace(templates=(), blocks=True)
    bench.a.add(change(block))
    ours, theirs = bench.sockets(pair)
    wire = bench.wire(bench.network.a)
    with ours, theirs:
        allow = Policy(Selector(ANY[family], ANY[family]), block.direction).pack()
        ours.setsockopt(*OWN_POLICY[family], allow)
        outcome = tried(ours.sendto, TEXT, (pair.end(bench.network.b), PORT))
    return "leaves in the clear" if outcome == "ok" and wire.next() else outcome


# include/uapi/linux/in.h, in6.h: IP_XFRM_POLICY, IPV6_XFRM_POLICY
OWN_POLICY = {Family.IPV4: (socket.IPPROTO_IP, 17), Family.IPV6: (socket.IPPROTO_IPV6, 35)}


def own_error(bench: Workbench, family: Family, change: Callable[[Policy], Policy]) -> str:
    """How the kernel's own ICMP error about a packet goes out whose policy names UDP alone."""
    bench.clear()
    a, b = bench.network.a, bench.network.b
    pair = bench.pair(family)
    bench.b.add(pair.back, change(pair.policies(b)[0]))
    wire, back = bench.wire(a), bench.wire(b)
    wire.put(udp(pair.end(a), pair.end(b), PORT, PORT, TEXT))
    packet = back.next()
    if packet is None:
        return "no error"
    return "the error leaves in the SA" if packet.proto == pair.back.protocol else _CLEAR


_CLEAR = "the error leaves in the clear"


def for_a_cpu(bench: Workbench, family: Family, change: Callable[[Policy], Policy]) -> str:
    """Whether a packet that leaves through an SA for all CPUs asks for one of its own CPU."""
    bench.clear()
    network = bench.network
    pair = bench.pair(family, window=0)
    bench.a.add(pair.there, change(pair.policies(network.a)[0]))
    monitor, wire = bench.monitor(network.a), bench.wire(network.a)
    ours, theirs = bench.sockets(pair)
    with ours, theirs, suppress(OSError):
        ours.sendto(TEXT, (pair.end(network.b), PORT))
    left = "leaves" if wire.next() else "lost"
    asked = [event for event in monitor.heard() if event.name == "ACQUIRE"]
    monitor.close()
    for event in asked:
        if "SA_PCPU" in event.attributes:
            return f"{left}, acquires for its CPU"
    return f"{left}, acquires" if asked else left


def without_sa(bench: Workbench, family: Family, change: Callable[[Policy], Policy]) -> str:
    """What becomes of a packet that a policy covers, and for which there is no SA."""
    bench.clear()
    pair = bench.pair(family)
    bench.a.add(change(pair.policies(bench.network.a)[0]))
    return leaves(bench, pair)
