# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves a need with packets: what SAs are for is seen to happen, and to fail where it must.

Each step is a claim about the kernel, and two of them are controls: they show that a step before
them would have failed if the kernel did not do its work. Source of what must happen: RFC 4303
(replay, integrity, 64-bit numbers), RFC 4302, RFC 3173, RFC 3948.
"""

import os
import socket
import struct

from modprobe_ipsec.base.annotations import Callable, Iterable, Mapping
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Protocol, XfrmTable
from modprobe_ipsec.kernel.sa import TUNNEL, sa_for
from modprobe_ipsec.lab import packets
from modprobe_ipsec.lab.counters import Counters, in_words
from modprobe_ipsec.lab.network import Network, received, until
from modprobe_ipsec.lab.packets import Packet
from modprobe_ipsec.lab.pair import IF_ID, PORT, Pair, between
from modprobe_ipsec.lab.states import (
    COMP,
    IPTFS,
    Association,
    XfrmSocket,
    association,
    encapsulated,
    with_esn,
)
from modprobe_ipsec.lab.wire import Wire
from modprobe_ipsec.needs.need import Need
from modprobe_ipsec.needs.proof import PacketStep

# Long enough for compression (net/xfrm/xfrm_algo.c: 90 bytes), and compressible.
MARKER = b"this must not be read on the wire. " * 6
# Of the last packet before the numbers of which 2^32 is in the middle.
_BEFORE_2_32 = 2**32 - 3

# What hides nothing, by the kernel's names.
_OPEN = {"rfc4543(gcm(aes))", "ecb(cipher_null)"}


class Failed(Exception):
    """A step did not end as it must; the text says what was seen instead."""


class _Bench(Value):
    """What the steps of one need share."""

    network: Network
    a: XfrmSocket
    b: XfrmSocket
    need: Need
    wire: Wire

    @property
    def sa(self) -> Association:
        """The SA of the need; whatever made it before is gone."""
        self.a.clear()
        self.b.clear()
        return association(sa_for(self.need, 0), "", "")

    def pair(self, sa: Association, **more: int) -> Pair:
        return between(self.network, self.need.family, sa, **more)

    def has(self, *kinds: XfrmTable) -> bool:
        choices = (self.need.suite.encryption, self.need.suite.integrity)
        return any(choice.transform.kind in kinds for choice in choices if choice)


class PacketProof:
    """Proves one need after the other. Moves the calling process into the network of the lab.

    Raises OSError if there can be no such network.
    """

    __slots__ = ("_a", "_b", "network")

    def __init__(self) -> None:
        self.network = Network()
        with self.network.at(self.network.b):
            self._b = XfrmSocket()
        self._a = XfrmSocket()

    def steps(self, need: Need) -> tuple[PacketStep, ...]:
        """What came of each step; the last one may have failed, and then there are no more.

        Raises nothing: an SA that is refused is a failed step, too.
        """
        bench = _Bench(self.network, self._a, self._b, need, Wire(self.network, self.network.a))
        done: list[PacketStep] = []
        for name, step in _STEPS.items():
            try:
                said = step(bench)
            except Failed as error:
                return (*done, PacketStep(name, False, str(error)))
            except OSError as error:
                why = error.strerror or os.strerror(error.errno or 0)
                return (*done, PacketStep(name, False, f"{why} (errno {error.errno})"))
            if said is not None:
                done.append(PacketStep(name, True, said))
        self._a.clear()
        self._b.clear()
        return tuple(done)


def _exchange(bench: _Bench, pair: Pair, *, answer: bool = True) -> Packet:
    """Send the marker there and back; the packet as a sent it. Raises Failed."""
    network = bench.network
    ours, theirs = _sockets(pair)
    with ours, theirs:
        for sender, receiver, host in ((ours, theirs, network.a), (theirs, ours, network.b)):
            if host is network.b and not answer:
                break
            other = network.other(host)
            ends = Counters(network, host), Counters(network, other)
            bench.wire.sent()
            sender.sendto(MARKER, (pair.end(other), PORT))
            if not _arrives(receiver, ends):
                sent, came = (in_words(end.now()) for end in ends)
                raise Failed(f"a packet did not arrive (sender: {sent}; receiver: {came})")
            if host is network.a:
                first = bench.wire.next()
    if first is None:
        raise Failed("a packet arrived that was not on the wire")
    return first


def _arrives(receiver: socket.socket, ends: Iterable[Counters]) -> bool:
    """Whether the marker does, before either end has counted something instead."""
    heard: list[bytes] = []

    def look() -> bool:
        if text := received(receiver, 0):
            heard.append(text)
        return bool(heard) or any(end.now() for end in ends)

    until(look)
    return heard == [MARKER]


def _sockets(pair: Pair) -> tuple[socket.socket, socket.socket]:
    network = pair.network
    a, b = (network.udp(host, pair.end(host), PORT) for host in (network.a, network.b))
    return a, b


def _refused(bench: _Bench, pair: Pair, packet: Packet, counter: str, statistic: str) -> None:
    """See to it that b drops a packet, counts it, and says so at its SA."""
    network = bench.network
    counters = Counters(network, network.b)
    _, theirs = _sockets(pair)
    with theirs:
        bench.wire.put(packet)
        counted = counters.soon()
        if counted != {counter: 1} or received(theirs, 0) is not None:
            raise Failed(f"not dropped as Xfrm{counter}: {in_words(counted)}")
    shown = bench.b.show(pair.out_of(network.a)).fields[statistic]
    if statistic and shown != 1:
        raise Failed(f"the SA says {statistic} {shown}")


def _round_trip(bench: _Bench) -> str | None:
    pair = bench.pair(bench.sa)
    if pair.there.mode == IPTFS:
        return _iptfs(bench, pair)
    pair.install(bench.a, bench.b)
    packet = _exchange(bench, pair)
    if packet.proto != pair.there.protocol:
        raise Failed(f"sent in the clear, as protocol {packet.proto}")
    for socket_, sa in ((bench.a, pair.there), (bench.b, pair.there), (bench.a, pair.back)):
        through = socket_.show(sa).packets
        if through != 1:
            raise Failed(f"{through} packets went through an SA instead of one")
    if not bench.has(XfrmTable.COMP) and _hides(bench) and MARKER[:16] in packet.payload:
        raise Failed("its text can be read on the wire")
    return "there and back"


def _hides(bench: _Bench) -> bool:
    encryption = bench.need.suite.encryption
    return encryption is not None and encryption.transform.xfrm not in _OPEN


def _iptfs(bench: _Bench, pair: Pair) -> str:
    """Whether there is code behind the mode: only then its options are shown.

    Never by a packet: kernels without that code take the SA all the same, and where they meet it
    on the way of a packet there is a WARN_ON (net/xfrm/xfrm_output.c), of which a host may panic.
    """
    sa = pair.there.plus("IPTFS_DROP_TIME", struct.pack("I", 1000))
    bench.b.add(sa)
    if "IPTFS_DROP_TIME" not in bench.b.show(sa).attributes:
        raise Failed("the kernel takes the SA and has no IP-TFS: it shows no options of it")
    return "its options are kept; no packet was sent"


def _replay(bench: _Bench) -> str | None:
    if bench.has(XfrmTable.COMP) or bench.sa.mode == IPTFS:
        return None
    pair = bench.pair(bench.sa)
    pair.install(bench.a, bench.b)
    packet = _exchange(bench, pair, answer=False)
    _refused(bench, pair, packet, "InStateSeqError", "replays")
    if bench.has(XfrmTable.AUTH, XfrmTable.AEAD):
        fresh = packets.renumbered(packet, packets.sequence(packet) + 5)
        broken = packets.corrupted(fresh)
        _refused(bench, pair, broken, "InStateProtoError", "integrity_failed")
        return "a copy is dropped, and so is a corrupted one"
    return "a copy is dropped; nobody checks what is in it"


def _control(bench: _Bench) -> str | None:
    """Without the right SA nothing arrives: what arrived before came through it."""
    sa = bench.sa
    if sa.mode == IPTFS:
        return None
    pair = bench.pair(sa)
    keyed = any(algorithm.key for algorithm in sa.algorithms)
    pair.install(bench.a, bench.b, _other_key if keyed else _other_spi)
    ours, theirs = _sockets(pair)
    counters = Counters(bench.network, bench.network.b)
    with ours, theirs:
        ours.sendto(MARKER, (pair.end(bench.network.b), PORT))
        counted = counters.soon()
        if received(theirs, 0) == MARKER:
            raise Failed(f"arrived at an SA with another {'key' if keyed else 'SPI'}")
    return f"with another {'key' if keyed else 'SPI'} at the receiver: {in_words(counted)}"


def _other_key(sa: Association) -> Association:
    others = (a._replace(key=os.urandom(len(a.key))) for a in sa.algorithms)
    return sa._replace(algorithms=tuple(others))


def _other_spi(sa: Association) -> Association:
    return sa._replace(spi=sa.spi + 0x80)


def _no_window(bench: _Bench) -> str | None:
    """Without a replay window a copy is delivered: the window was what dropped it."""
    if bench.has(XfrmTable.COMP) or bench.need.suite.esn or bench.sa.mode == IPTFS:
        return None
    pair = bench.pair(bench.sa)
    pair.install(bench.a, bench.b, lambda sa: sa._replace(window=0))
    packet = _exchange(bench, pair, answer=False)
    _, theirs = _sockets(pair)
    with theirs:
        bench.wire.put(packet)
        if received(theirs) != MARKER:
            raise Failed("a copy is dropped even without a replay window")
    return "without a replay window a copy is delivered"


def _esn(bench: _Bench) -> str | None:
    if not bench.need.suite.esn:
        return None
    plain = bench.sa
    without = tuple(each for each in plain.more if each[0] != "REPLAY_ESN_VAL")
    near = with_esn(plain._replace(more=without), _BEFORE_2_32, _BEFORE_2_32)
    pair = bench.pair(near)
    pair.install(bench.a, bench.b)
    numbers = [packets.sequence(_exchange(bench, pair, answer=False)) for _ in range(4)]
    if numbers != [0xFFFFFFFE, 0xFFFFFFFF, 0, 1]:
        raise Failed(f"the numbers on the wire are {', '.join(map(hex, numbers))}")
    state = bench.b.show(pair.there).attributes["REPLAY_ESN_VAL"]
    high = struct.unpack_from("6I", state)[4]
    if high != 1:
        raise Failed(f"the receiver's upper half of the sequence number is {high}")
    return "delivered before and after 2^32"


def _in_udp(bench: _Bench) -> str | None:
    if bench.need.suite.protocol is not Protocol.ESP or bench.sa.mode == IPTFS:
        return None
    network, family = bench.network, bench.need.family
    pair = bench.pair(encapsulated(bench.sa))
    pair.install(bench.a, bench.b)
    with network.encapsulation(network.a, family), network.encapsulation(network.b, family):
        packet = _exchange(bench, pair)
    if packet.proto != packets.UDP or packet.payload[:4] != struct.pack(">2H", 4500, 4500):
        raise Failed(f"not sent in UDP from port 4500 to 4500, but as protocol {packet.proto}")
    return "there and back in UDP"


def _interface(bench: _Bench) -> str | None:
    sa = bench.sa
    if sa.mode != TUNNEL or sa.protocol == COMP:
        return None
    network = bench.network
    try:
        network.interfaces(IF_ID)
    except OSError:
        # a need of its own, if somebody needs one
        return "not tried: the kernel has none"
    pair = bench.pair(sa, if_id=IF_ID)
    pair.install(bench.a, bench.b)
    _exchange(bench, pair)
    return "there and back"


_STEPS: Mapping[str, Callable[[_Bench], str | None]] = {
    "round trip": _round_trip,
    "replay": _replay,
    "control": _control,
    "no replay window": _no_window,
    "ESN": _esn,
    "in UDP": _in_udp,
    "XFRM interface": _interface,
}
