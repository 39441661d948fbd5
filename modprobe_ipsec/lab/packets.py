# SPDX-License-Identifier: GPL-3.0-or-later
"""IP packets as bytes, to be sent as they are and to be looked at. Pure."""

import socket
import struct

from modprobe_ipsec.base.value import Value

# Version and length, TOS, length, id, flags and offset, TTL, protocol, checksum, addresses
_IPV4 = struct.Struct(">BBHHHBBH4s4s")
# Version, traffic class and flow, payload length, next header, hop limit, addresses
_IPV6 = struct.Struct(">IHBB16s16s")
_UDP = struct.Struct(">4H")
# RFC 791: don't fragment
_DF = 0x4000

ICMP, UDP, ESP, AH, ICMPV6, COMP = 1, 17, 50, 51, 58, 108


class Packet(Value):
    """An IP packet without options, extension headers or fragments."""

    source: str
    destination: str
    proto: int
    # What is behind the IP header.
    payload: bytes
    # TOS or traffic class.
    tos: int = 0
    # Of IPv4.
    df: bool = False
    ttl: int = 64
    # Of IPv4; AH covers it.
    ident: int = 0

    def pack(self) -> bytes:
        """Its bytes, with the checksum of its header; what is behind that is as it is."""
        if ":" in self.destination:
            ends = [socket.inet_pton(socket.AF_INET6, end) for end in self[:2]]
            first = 6 << 28 | self.tos << 20
            return _IPV6.pack(first, len(self.payload), self.proto, self.ttl, *ends) + self.payload
        ends = [socket.inet_pton(socket.AF_INET, end) for end in self[:2]]
        length = _IPV4.size + len(self.payload)
        fields = [0x45, self.tos, length, self.ident, _DF * self.df, self.ttl, self.proto, 0, *ends]
        fields[7] = checksum(_IPV4.pack(*fields))
        return _IPV4.pack(*fields) + self.payload


def parse(data: bytes) -> Packet | None:
    """The packet that these bytes are; None if they are none."""
    if len(data) >= _IPV4.size and data[0] == 0x45:
        _, tos, length, ident, flags, ttl, proto, _, source, destination = _IPV4.unpack_from(data)
        ends = [socket.inet_ntop(socket.AF_INET, end) for end in (source, destination)]
        payload = data[_IPV4.size : length]
        return Packet(ends[0], ends[1], proto, payload, tos, bool(flags & _DF), ttl, ident)
    if len(data) >= _IPV6.size and data[0] >> 4 == 6:
        first, length, proto, ttl, source, destination = _IPV6.unpack_from(data)
        ends = [socket.inet_ntop(socket.AF_INET6, end) for end in (source, destination)]
        payload = data[_IPV6.size : _IPV6.size + length]
        return Packet(ends[0], ends[1], proto, payload, first >> 20 & 0xFF, ttl=ttl)
    return None


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071)."""
    words = struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2))
    total = int(sum(words))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp(source: str, destination: str, sport: int, dport: int, data: bytes) -> Packet:
    """A UDP packet, with the checksum that IPv6 insists on."""
    head = _UDP.pack(sport, dport, _UDP.size + len(data), 0)
    made = Packet(source, destination, UDP, head + data)
    return made._replace(payload=_with_sum(made, 6)) if ":" in destination else made


def icmp_error(packet: Packet, sender: str, kind: int, code: int, extra: int = 0) -> Packet:
    """An ICMP error of `sender` about a packet, to who sent that."""
    six = ":" in sender
    head = struct.pack(">BBHI", kind, code, 0, extra)
    quoted = packet.pack()[: 1232 if six else 548]
    made = Packet(sender, packet.source, ICMPV6 if six else ICMP, head + quoted)
    return made._replace(payload=_with_sum(made, 2))


def _with_sum(packet: Packet, at: int) -> bytes:
    """The payload with its checksum, which is zero yet; for all but ICMP with a pseudo header."""
    pseudo = b""
    if packet.proto != ICMP:
        family = socket.AF_INET6 if ":" in packet.source else socket.AF_INET
        ends = b"".join(socket.inet_pton(family, end) for end in packet[:2])
        pseudo = ends + struct.pack(">II", len(packet.payload), packet.proto)
    total = checksum(pseudo + packet.payload)
    return packet.payload[:at] + struct.pack(">H", total or 0xFFFF) + packet.payload[at + 2 :]


# Where the sequence number is, behind the IP header.
_SEQUENCE = {ESP: 4, AH: 8}


def sequence(packet: Packet) -> int:
    """The sequence number of an ESP or AH packet."""
    at = _SEQUENCE[packet.proto]
    return int.from_bytes(packet.payload[at : at + 4], "big")


def renumbered(packet: Packet, number: int) -> Packet:
    """The same with another sequence number: without it, a copy only fails the replay check."""
    at, data = _SEQUENCE[packet.proto], packet.payload
    return packet._replace(payload=data[:at] + number.to_bytes(4, "big") + data[at + 4 :])


def corrupted(packet: Packet) -> Packet:
    """The same with its last bit turned."""
    return packet._replace(payload=packet.payload[:-1] + bytes((packet.payload[-1] ^ 1,)))


def in_udp(packet: Packet, sport: int = 4500, dport: int = 4500) -> Packet:
    """An ESP packet in UDP (RFC 3948)."""
    return udp(packet.source, packet.destination, sport, dport, packet.payload)
