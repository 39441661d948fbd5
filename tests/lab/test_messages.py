# SPDX-License-Identifier: GPL-3.0-or-later
"""XFRM messages by pyroute2, compared byte by byte with those of the boot path."""

import struct

import pytest

from modprobe_ipsec.kernel import xfrm
from modprobe_ipsec.kernel.sa import sa_for
from modprobe_ipsec.lab import messages
from modprobe_ipsec.lab.states import (
    OUT,
    Association,
    Policy,
    Selector,
    Template,
    association,
    encapsulated,
    with_esn,
)
from modprobe_ipsec.needs.need import Mode
from tests.kernel.sample import CBC_ESN, everything


@pytest.mark.parametrize("mode", list(Mode))
def test_every_sa_is_packed_as_at_boot(mode: Mode) -> None:
    for need in everything():
        sa = sa_for(need._replace(mode=mode), 5)
        ours = association(sa, *xfrm.ADDRESSES[sa.family]).pack()
        assert ours.hex() == xfrm.pack(sa).hex(), need.label


def test_an_sa_is_read_as_at_boot() -> None:
    sa = sa_for(CBC_ESN, 5)
    body = xfrm.pack(sa)
    fields, attributes = messages.unpack(messages.SaInfo, body)
    read = xfrm.unpack(body)
    assert (fields["id_spi"], fields["mode"], fields["flags"]) == (read.spi, read.mode, 32 | 128)
    assert list(attributes) == ["ALG_CRYPT", "ALG_AUTH_TRUNC", "REPLAY_ESN_VAL"]
    assert attributes["ALG_CRYPT"].startswith(read.algorithms[0].name.encode())


# include/uapi/linux/xfrm.h, with the alignment of a 64-bit machine
SIZES = {
    messages.SaInfo: 224,
    messages.SaId: 24,
    messages.SpiInfo: 232,
    messages.PolicyInfo: 168,
    messages.Acquire: 280,
    messages.Expire: 232,
    messages.Mapped: 64,
    messages.Template: 64,
}


def test_structs_are_as_long_as_the_kernels() -> None:
    kinds = set(messages.XfrmMessage.__subclasses__())
    assert {kind: len(messages.pack(kind, {})) for kind in kinds} == SIZES


def test_a_policy_is_that_of_iproute2() -> None:
    """`ip xfrm policy add src 192.0.2.1/32 dst 203.0.113.0/24 proto udp dport 9 dir out priority 7
    tmpl src 192.0.2.1 dst 192.0.2.2 proto esp reqid 3 mode tunnel level use`."""
    template = Template("192.0.2.1", "192.0.2.2", mode=1, reqid=3, optional=True)
    selector = Selector("192.0.2.1/32", "203.0.113.0/24", 17, dport=9)
    body = Policy(selector, OUT, (template,), priority=7).pack()
    assert body.hex() == (
        f"cb007100{'0' * 24}c0000201{'0' * 24}0009ffff00000000020018201100000000000000"
        f"00000000{'f' * 64}{'0' * 64}{'0' * 64}07000000{'0' * 8}01000000{'0' * 8}"
        f"44000500c0000202{'0' * 24}000000003200000002000000c0000201{'0' * 24}"
        f"0300000001000100{'f' * 24}"
    )


def test_attributes_in_words() -> None:
    sa = Association("192.0.2.1", "192.0.2.2", 256, ())
    assert encapsulated(sa, 1, 2).more == (("ENCAP", b"\2\0\0\1\0\2" + bytes(18)),)
    state = struct.pack("6I", 1, 1, 2, 1, 3, 32)
    esn = with_esn(sa, 2**32 + 1, 3 * 2**32 + 2)
    assert esn.more == (("REPLAY_ESN_VAL", state),)
    assert (esn.flags, esn.window) == (xfrm.ESN, 0)
