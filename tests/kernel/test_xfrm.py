# SPDX-License-Identifier: GPL-3.0-or-later
"""XFRM messages, byte by byte."""

import pytest

from modprobe_ipsec.catalog.model import Family, Protocol, XfrmTable
from modprobe_ipsec.kernel import xfrm
from modprobe_ipsec.kernel.sa import Sa, SaAlgorithm, sa_for
from modprobe_ipsec.needs.need import Need
from tests.vm.guests.structures import ours

from . import iproute2
from .sample import everything


@pytest.mark.parametrize(
    ("command", "data"), iproute2.recorded(), ids=lambda value: str(value)[:80]
)
def test_messages_are_those_of_iproute2(command: str, data: bytes) -> None:
    if not command.startswith("add "):
        # The rest is XFRMA_SRCADDR, which ESP, AH and IPComp do without.
        data = data[:24]
    assert ours(command).hex() == data.hex()


@pytest.mark.parametrize("need", everything(), ids=lambda need: need.label)
def test_what_is_packed_can_be_unpacked(need: Need) -> None:
    sa = sa_for(need, 7)
    assert all(len(a.key) * 8 == a.key_bits for a in sa.algorithms)
    assert xfrm.unpack(xfrm.pack(sa)) == sa.without_keys()


def test_equal_but_for_the_key() -> None:
    need = everything()[0]
    first, second = sa_for(need, 1), sa_for(need, 1)
    assert first != second
    assert first.without_keys() == second.without_keys() != sa_for(need, 2).without_keys()


def test_no_key_is_ever_shown() -> None:
    key = b"0123456789abcdef"
    sa = Sa(
        Protocol.ESP, Family.IPV4, 256, (SaAlgorithm(XfrmTable.CIPHER, "cbc(aes)", 128, 0, key),)
    )
    for shown in (repr(sa), str(sa), f"{sa}", f"{sa.algorithms}"):
        assert "cbc(aes)" in shown
        assert key.decode() not in shown
        assert key.hex() not in shown
