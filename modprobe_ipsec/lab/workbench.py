# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh network with a socket at each end: what a question about the kernel's behaviour gets."""

import os
import socket

from modprobe_ipsec.base.annotations import Any, Sequence
from modprobe_ipsec.catalog.model import Family, XfrmTable
from modprobe_ipsec.kernel.sa import TUNNEL, SaAlgorithm
from modprobe_ipsec.lab.counters import Counters, in_words
from modprobe_ipsec.lab.monitor import Monitor
from modprobe_ipsec.lab.network import LabHost, Network, received, until
from modprobe_ipsec.lab.packets import Packet
from modprobe_ipsec.lab.pair import PORT, Pair, between
from modprobe_ipsec.lab.states import TRANSPORT, Association, XfrmSocket
from modprobe_ipsec.lab.wire import Wire

TEXT = b"what is sent "
DELIVERED = "delivered"
# Somebody has lost part of it.
UNUSABLE = "unusable: UDP drops what comes out"


def gcm() -> SaAlgorithm:
    """What every kernel with IPsec can do, with a random key: AES-GCM of 128 bits."""
    return SaAlgorithm(XfrmTable.AEAD, "rfc4106(gcm(aes))", 160, 128, os.urandom(20))


class Workbench:
    """Two hosts, each with a socket to make SAs, and short words for what is done with them."""

    __slots__ = ("a", "b", "network")

    def __init__(self) -> None:
        self.network = Network()
        self.a = XfrmSocket()
        with self.network.at(self.network.b):
            self.b = XfrmSocket()

    @property
    def families(self) -> tuple[Family, ...]:
        """Those of this kernel."""
        return self.network.families

    def clear(self) -> None:
        """Remove all SAs and policies."""
        self.a.clear()
        self.b.clear()

    def pair(self, family: Family, *, tunnel: bool = False, **changes: Any) -> Pair:
        """SAs of AES-GCM for one UDP port, with whatever else an SA may have."""
        mode = TUNNEL if tunnel else TRANSPORT
        sa = Association("", "", 0x1000, (gcm(),), mode=mode)._replace(**changes)
        return between(self.network, family, sa)

    def wire(self, host: LabHost) -> Wire:
        """What a host sends."""
        return Wire(self.network, host)

    def counters(self, host: LabHost) -> Counters:
        """A host's counters, from now on."""
        return Counters(self.network, host)

    def monitor(self, host: LabHost) -> Monitor:
        """What the kernel tells a host, from now on."""
        with self.network.at(host):
            return Monitor()

    def sockets(self, pair: Pair) -> tuple[socket.socket, socket.socket]:
        """One at each end of a pair, bound to its port."""
        network = self.network
        return (
            network.udp(network.a, pair.end(network.a), PORT),
            network.udp(network.b, pair.end(network.b), PORT),
        )

    def frames(
        self, pair: Pair, number: int, options: Sequence[tuple[int, int]] = ()
    ) -> list[Packet]:
        """What a sends through the pair, as it is on the wire, in so many packets.

        They get lost: b has no SAs, and what is there at a is taken away afterwards. `options` are
        of the socket: numbers and values, of the level IPPROTO_IP or IPPROTO_IPV6.
        """
        self.clear()
        a = self.network.a
        self.a.add(pair.out_of(a), pair.policies(a)[0])
        wire = self.wire(a)
        made = []
        ours, theirs = self.sockets(pair)
        with ours, theirs:
            set_options(ours, options)
            for count in range(number):
                ours.sendto(TEXT + bytes((count,)), (pair.end(self.network.b), PORT))
                if packet := wire.next():
                    made.append(packet)
        # one that is still on its way would come through the SA that b gets next
        self.network.settle()
        self.clear()
        return made

    def arrives(self, pair: Pair, put: Packet, through: Wire) -> bytes | None:
        """What b's socket gets of a packet that is put onto the wire, and has to arrive."""
        ours, theirs = self.sockets(pair)
        with ours, theirs:
            through.put(put)
            return received(theirs)

    def fate(self, theirs: socket.socket, counters: Counters) -> str:
        """What becomes of a packet that was sent or put before: it arrives at b, or is counted.

        `counters` are b's, from before.
        """
        self.network.settle()
        heard: list[bytes] = []

        def look() -> bool:
            if text := received(theirs, 0):
                heard.append(text)
            return bool(heard or counters.now()) or counters.refused_by_udp()

        until(look)
        if heard and heard[0].startswith(TEXT):
            return DELIVERED
        counted = counters.now()
        return UNUSABLE if not counted and counters.refused_by_udp() else in_words(counted)


def set_options(made: socket.socket, options: Sequence[tuple[int, int]]) -> None:
    """Set options of a socket's own IP version."""
    six = made.family == socket.AF_INET6
    for option, value in options:
        made.setsockopt(socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP, option, value)
