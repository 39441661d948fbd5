# SPDX-License-Identifier: GPL-3.0-or-later
"""The veth pair as a wire: packets are put onto it and looked at."""

import socket
from contextlib import suppress

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.lab.network import COMES, LabHost, Network, until
from modprobe_ipsec.lab.packets import ICMPV6, Packet, parse

# RFC 2710 to RFC 4861: the first type of ICMPv6 behind the echo
_LISTENER_QUERY = bytes((130,))
_ETH_P_ALL, _ETH_P_IP, _ETH_P_IPV6 = 3, 0x800, 0x86DD


class Wire:
    """What one host sends over the wire; and packets that are put there in its name.

    Looks at the sender's device: at the receiver's, what came out of a tunnel shows once more.
    """

    __slots__ = ("_network", "_sender", "_sniffer")

    def __init__(self, network: Network, sender: LabHost) -> None:
        self._network, self._sender = network, sender
        with network.at(sender):
            kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
            self._sniffer = socket.socket(socket.AF_PACKET, kind, socket.htons(_ETH_P_ALL))
            self._sniffer.bind((sender.name, _ETH_P_ALL))

    def put(self, packet: Packet | bytes) -> None:
        """Send a packet to the other host as it is, whatever the sender's policies."""
        data = packet if isinstance(packet, bytes) else packet.pack()
        kind = _ETH_P_IPV6 if data[0] >> 4 == 6 else _ETH_P_IP
        mac = self._network.other(self._sender).mac
        self._sniffer.sendto(data, (self._sender.name, kind, 0, 0, mac))

    def sent(self) -> list[Packet]:
        """What the sender has sent since it was last looked at; not what was `put`.

        Nor what IPv6 has to say to its neighbours and routers, at any time.
        """
        found = []
        with suppress(BlockingIOError):
            while True:
                data, (_, kind, direction, *_) = self._sniffer.recvfrom(65536)
                if direction != socket.PACKET_OUTGOING or kind not in (_ETH_P_IP, _ETH_P_IPV6):
                    continue
                if (packet := parse(data)) and not _is_housekeeping(packet):
                    found.append(packet)
        return found

    def next(
        self, fits: Callable[[Packet], bool] = lambda _: True, seconds: float = COMES
    ) -> Packet | None:
        """The first that fits of what is sent within that time; of what has been, with none."""
        found: list[Packet] = []

        def look() -> bool:
            found.extend(filter(fits, self.sent()))
            return bool(found)

        return found[0] if until(look, seconds) else None


def _is_housekeeping(packet: Packet) -> bool:
    """Multicast listeners, whose packets have a hop-by-hop header; neighbours, routers."""
    hop_by_hop = packet.proto == 0 and ":" in packet.source
    return hop_by_hop or (packet.proto == ICMPV6 and packet.payload[:1] >= _LISTENER_QUERY)
