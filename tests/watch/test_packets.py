# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packets are strays: the filter in the kernel and the reader here say the same."""

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.lab.packets import Packet, in_udp, udp
from modprobe_ipsec.watch.packets import (
    MOST_SPIS,
    parse,
    parse_audit,
    raw_filter,
    socket_filter,
)
from modprobe_ipsec.watch.signs import AH, ESP, Stray, packed
from tests.watch.bpf import run

ENDS = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
SPI = 0xC1234567


def packet(version: int, protocol: int, spi: int = SPI) -> Packet:
    head = struct.pack(">I", spi) if protocol == ESP else struct.pack(">II", 0, spi)
    return Packet(*ENDS[version], protocol, head + bytes(40))


def cases() -> Iterator[tuple[Packet, int, int]]:
    for version in (4, 6):
        yield packet(version, ESP), ESP, 0
        yield packet(version, AH), AH, 0
        yield in_udp(packet(version, ESP), 40000), ESP, 40000


@pytest.mark.parametrize(("made", "protocol", "port"), list(cases()))
def test_what_is_esp_or_ah(made: Packet, protocol: int, port: int) -> None:
    data = made.pack()
    source, destination = packed(made.source), packed(made.destination)
    assert parse(data) == Stray(source, destination, SPI, protocol, port)
    assert run(socket_filter(()), data)
    assert not run(socket_filter((SPI,)), data)
    assert run(socket_filter((SPI - 1, SPI + 1)), data)
    # what we send, and what is for others on the wire
    assert not run(socket_filter(()), data, packet_type=4)
    assert not run(socket_filter(()), data, packet_type=3)


@pytest.mark.parametrize("version", [4, 6])
def test_what_is_not(version: int) -> None:
    ends = ENDS[version]
    ike = udp(*ends, 4500, 4500, bytes(4) + b"IKE" * 10)
    keepalive = udp(*ends, 4500, 4500, b"\xff")
    other = udp(*ends, 4500, 53, struct.pack(">I", SPI) + bytes(40))
    tcp = Packet(*ends, 6, bytes(40))
    for made in (ike, keepalive, other, tcp):
        assert parse(made.pack()) is None
        assert not run(socket_filter(()), made.pack())


def test_a_fragment_is_none_but_for_the_first() -> None:
    data = bytearray(packet(4, ESP).pack())
    data[6:8] = b"\0\x10"
    assert parse(bytes(data)) is None and not run(socket_filter(()), bytes(data))
    data[6:8] = b"\x20\0"
    assert parse(bytes(data)) and run(socket_filter(()), bytes(data))


def test_options_of_ipv4_are_passed_over() -> None:
    data = packet(4, ESP).pack()
    longer = bytes((0x47,)) + data[1:20] + bytes(8) + data[20:]
    assert (found := parse(longer)) and found.spi == SPI
    assert not run(socket_filter((SPI,)), longer)


def test_raw_sockets() -> None:
    for protocol in (ESP, AH):
        data = packet(4, protocol).pack()
        assert run(raw_filter(protocol, False, ()), data)
        assert not run(raw_filter(protocol, False, (SPI,)), data)
        behind = packet(6, protocol).payload
        assert run(raw_filter(protocol, True, ()), behind)
        assert not run(raw_filter(protocol, True, (SPI,)), behind)


def test_a_filter_is_no_longer_than_a_kernel_takes() -> None:
    program = socket_filter(range(1, 10 * MOST_SPIS))
    assert len(program) // 8 <= 4096
    data = packet(4, ESP, MOST_SPIS).pack()
    assert not run(program, data)


@given(st.binary(max_size=120))
def test_the_filter_lets_through_what_is_read(data: bytes) -> None:
    """Whatever arrives: nothing that is read here is stopped there."""
    stray = parse(data)
    if stray:
        assert run(socket_filter(()), data)
        assert not run(socket_filter((stray.spi,)), data)


@given(st.binary(max_size=200))
def test_audit_records_of_any_kind(data: bytes) -> None:
    parse_audit(data)


def test_audit() -> None:
    spi = b"spi=3240314215(0xc1234567) seqno=9"
    four = b"audit(1.2:3): op=SA-notfound src=192.0.2.1 dst=192.0.2.2 " + spi
    six = (
        b"audit(1.2:3): op=SA-notfound src=2001:0db8:0000:0000:0000:0000:0000:0001 "
        b"dst=2001:0db8:0000:0000:0000:0000:0000:0002 flowlbl=0x0 "
    ) + spi
    for version, record in ((4, four), (6, six)):
        source, destination = map(packed, ENDS[version])
        assert parse_audit(record) == Stray(source, destination, SPI, 0)
    assert parse_audit(four.replace(b"notfound", b"icv-failure")) is None
    assert parse_audit(four.replace(b"192.0.2.1", b"192.0.2.900")) is None
