# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets as bytes."""

import pytest

from modprobe_ipsec.lab.packets import (
    AH,
    ESP,
    Packet,
    checksum,
    corrupted,
    parse,
    renumbered,
    sequence,
    udp,
)

V4, V6 = ("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")


@pytest.mark.parametrize("ends", [V4, V6])
def test_what_is_packed_is_parsed_again(ends: tuple[str, str]) -> None:
    six = ":" in ends[0]
    for packet in (
        Packet(*ends, ESP, b"x" * 40, tos=0xB8, ttl=3),
        Packet(*ends, 17, b"", df=not six, ident=0 if six else 77),
        udp(*ends, 4500, 4501, b"odd"),
    ):
        assert parse(packet.pack()) == packet


def test_what_is_no_packet() -> None:
    whole = Packet(*V6, ESP, b"x" * 40).pack()
    assert [parse(data) for data in (b"", b"E", b"\x60", whole[:39], b"\x00" * 60)] == [None] * 5
    # padding of the wire is not of the packet
    short = Packet(*V4, ESP, b"x")
    assert parse(short.pack() + bytes(20)) == short


def test_checksum() -> None:
    """RFC 1071, 3."""
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
    header = Packet(*V4, 17, b"").pack()
    assert checksum(header) == 0


@pytest.mark.parametrize(("proto", "at"), [(ESP, 4), (AH, 8)])
def test_sequence_numbers(proto: int, at: int) -> None:
    packet = Packet(*V4, proto, bytes(at) + b"\0\0\1\2" + bytes(9))
    assert sequence(packet) == 0x102
    other = renumbered(packet, 0xFFFFFFFF)
    assert sequence(other) == 0xFFFFFFFF and renumbered(other, 0x102) == packet
    assert corrupted(packet) != packet and corrupted(corrupted(packet)) == packet
