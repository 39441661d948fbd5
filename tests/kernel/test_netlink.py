# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink messages: what the kernel's answers say, and what becomes of those that are cut off."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.kernel import netlink

# As netlink_ack in net/netlink/af_netlink.c makes them: length, type, flags, sequence number, port;
# the negative errno; the same header of the request; and attributes.
DONE = "24000000 0200 0001 07000000 00000000  00000000  d8010000 1000 0500 07000000 00000000"
REFUSED = "24000000 0200 0001 07000000 00000000  daffffff  d8010000 1000 0500 07000000 00000000"
EXPLAINED = "34000000 0200 0003 07000000 00000000  daffffff  d8010000 1000 0500 07000000 00000000"
TEXT = "1000 0100" + b"not found\0".ljust(12, b"\0").hex()


def test_done() -> None:
    assert netlink.body_of(bytes.fromhex(DONE)) == b""


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (REFUSED, ""),
        (EXPLAINED + TEXT, "not found"),
        # a kernel that repeats the request: what looks like a text is none
        (EXPLAINED.replace("0003", "0002") + TEXT, ""),
    ],
)
def test_refused(answer: str, text: str) -> None:
    with pytest.raises(OSError) as caught:
        netlink.body_of(bytes.fromhex(answer))
    assert (caught.value.errno, caught.value.strerror) == (errno.ENOSYS, text)


@given(st.dictionaries(st.integers(0, 0x3FFF), st.binary(max_size=40)))
def test_attributes_come_back(told: dict[int, bytes]) -> None:
    data = b"".join(netlink.attribute(kind, value) for kind, value in told.items())
    assert len(data) % 4 == 0
    assert netlink.attributes(data) == told


@given(st.binary(max_size=200))
def test_any_bytes_come_to_an_end(data: bytes) -> None:
    for value in netlink.attributes(data).values():
        assert value in data


def test_a_flag_is_no_part_of_the_type() -> None:
    assert netlink.attributes(netlink.attribute(0x8000 | 5, b"nest")) == {5: b"nest"}
