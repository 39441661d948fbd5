# SPDX-License-Identifier: GPL-3.0-or-later
"""XFRM messages, byte by byte."""

from pathlib import Path

import pytest

from modprobe_ipsec.catalog.model import Family, Protocol, XfrmTable
from modprobe_ipsec.kernel import xfrm
from modprobe_ipsec.kernel.sa import Sa, SaAlgorithm, sa_for
from modprobe_ipsec.needs.need import Need

from .sample import everything

KINDS = {
    "enc": XfrmTable.CIPHER,
    "aead": XfrmTable.AEAD,
    "auth-trunc": XfrmTable.AUTH,
    "comp": XfrmTable.COMP,
}


def recorded() -> list[tuple[str, bytes]]:
    """Commands of iproute2 and what they sent."""
    text = Path(__file__).with_name("iproute2.txt").read_text()
    blocks = (block.split("\n") for block in text.split("\n\n")[1:])
    return [(command, bytes.fromhex("".join(data))) for command, *data in blocks]


def parse(command: str) -> Sa:
    """What a command line of `ip xfrm state` asks for."""
    words = command.split()
    algorithms = []
    for at, word in enumerate(words):
        if word in KINDS and words[at - 1] != "proto":
            name, key, icv, *_ = [*words[at + 1 :], "", ""]
            raw = bytes.fromhex(key[2:]) if key.startswith("0x") else b""
            bits = int(icv) if icv.isdecimal() else 0
            algorithms.append(SaAlgorithm(KINDS[word], name, len(raw) * 8, bits, raw))
    return Sa(
        Protocol(words[words.index("proto") + 1]),
        Family.IPV6 if ":" in command else Family.IPV4,
        int(words[words.index("spi") + 1], 16),
        tuple(algorithms),
        "esn" in words,
    )


@pytest.mark.parametrize(("command", "data"), recorded(), ids=lambda value: str(value)[:80])
def test_messages_are_those_of_iproute2(command: str, data: bytes) -> None:
    sa = parse(command)
    if command.startswith("add "):
        message = xfrm.pack(sa)
    else:
        message = xfrm.identify(sa)
        # The rest is XFRMA_SRCADDR, which ESP, AH and IPComp do without.
        data = data[:24]
    assert message.hex() == data.hex()


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
