# SPDX-License-Identifier: GPL-3.0-or-later
"""PF_KEY messages, byte by byte as RFC 2367 has them, and what comes of it where there is none."""

import errno
import struct

import pytest

from modprobe_ipsec.catalog.model import Family, KernelInterface, Protocol
from modprobe_ipsec.kernel import ask, namespace
from modprobe_ipsec.kernel.pf_key import Numbers, identify, numbers_of, pack
from modprobe_ipsec.kernel.prover import prove
from modprobe_ipsec.kernel.sa import Sa, SaAlgorithm
from modprobe_ipsec.needs.need import FeatureNeed, Need
from modprobe_ipsec.needs.proof import Answer
from modprobe_ipsec.plan.meaning import NO_PF_KEY, explain

from .sample import CBC, CBC_ESN, GCM, choice, need

SHA1 = need(Protocol.ESP, "AES_CBC", "HMAC_SHA1_96")
BY_PF_KEY = SHA1._replace(interface=KernelInterface.PF_KEY)
SOCKET = FeatureNeed("af_key", None)


def extensions(body: bytes) -> dict[int, bytes]:
    found = {}
    while body:
        words, kind = struct.unpack_from("HH", body)
        assert words and kind not in found
        found[kind] = body[4 : words * 8]
        body = body[words * 8 :]
    return found


def sa(family: Family = Family.IPV4, mode: int = 1) -> Sa:
    keys = {1: choice("AES_CBC", 256), 2: choice("HMAC_SHA1_96")}
    algorithms = tuple(
        SaAlgorithm(
            c.transform.kind, c.transform.xfrm, c.key_bits, 0, bytes([n]) * (c.key_bits // 8)
        )
        for n, c in keys.items()
    )
    return Sa(Protocol.ESP, family, 0x100, algorithms, mode=mode)


def test_an_sa_as_rfc_2367_has_it() -> None:
    parts = extensions(pack(sa(), numbers_of(BY_PF_KEY)))
    # sadb_sa: SPI, window, MATURE, SADB_AALG_SHA1HMAC, SADB_X_EALG_AESCBC, flags
    assert parts[1] == bytes((0, 0, 1, 0, 32, 1, 3, 12)) + bytes(4)
    # sadb_address: protocol, prefix, reserved, sockaddr_in
    assert parts[5] == bytes((0, 32, 0, 0, 2, 0, 0, 0, 192, 0, 2, 1)) + bytes(8)
    assert parts[6][8:12] == bytes((192, 0, 2, 2))
    # sadb_key: bits, reserved; all is padded to 8 bytes
    assert parts[8] == struct.pack("HH", 160, 0) + b"\2" * 20 + bytes(4)
    assert parts[9] == struct.pack("HH", 256, 0) + b"\1" * 32
    # sadb_x_sa2: IPSEC_MODE_TUNNEL
    assert parts[19] == bytes((2,)) + bytes(11)


def test_ipv6_transport_and_what_names_it() -> None:
    parts = extensions(pack(sa(Family.IPV6, 0), Numbers(3, 12)))
    assert parts[19][0] == 1
    # sockaddr_in6: family, port, flow; then the address, and its scope
    assert parts[5][1] == 128 and parts[5][4] == 10
    assert parts[5][12:28].hex() == "20010db8000000000000000000000001"
    assert extensions(identify(sa())).keys() == {1, 5, 6}


@pytest.mark.parametrize(("of", "what"), [(GCM, "AES_GCM_16_256"), (CBC_ESN, "ESN")])
def test_what_it_has_no_way_to_ask_for_is_not_asked(of: Need, what: str) -> None:
    by_pf_key = of._replace(interface=KernelInterface.PF_KEY)
    assert by_pf_key.impossible == ((what, "PF_KEY has no way to ask for it"),)
    assert of.impossible == ()
    (proof,) = prove([by_pf_key]).proofs
    assert proof.answer is Answer.NOT_ASKED
    assert proof.why == "no kernel can: PF_KEY has no way to ask for it"


@pytest.mark.parametrize("filtered", [True, False])
def test_without_a_socket(monkeypatch: pytest.MonkeyPatch, filtered: bool) -> None:
    """The other way goes on; where a filter may be the reason, nothing is said of the kernel."""

    def refuse() -> None:
        raise OSError(errno.EAFNOSUPPORT, NO_PF_KEY)

    monkeypatch.setattr(ask, "PfKey", refuse)
    monkeypatch.setattr(namespace, "is_filtered", lambda: filtered)
    opened, made, other = prove([SOCKET, BY_PF_KEY, CBC]).proofs
    answer = Answer.NOT_ASKED if filtered else Answer.REFUSED
    assert opened.answer is made.answer is answer
    assert opened.errno == made.errno == errno.EAFNOSUPPORT
    assert ("seccomp" in made.why) is filtered
    if not filtered:
        assert "af_key is missing or blocked" in explain(made)
    # whatever this kernel says
    assert other.answer is not Answer.NOT_ASKED and other.message != NO_PF_KEY


def test_without_the_other_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel without XFRM's own socket may still be asked over PF_KEY, and is."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPROTONOSUPPORT, "")

    class Answering:
        def __enter__(self) -> "Answering":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def add(self, sa: Sa, numbers: Numbers) -> Numbers:
            return numbers

        def delete(self, sa: Sa) -> None:
            pass

    monkeypatch.setattr("modprobe_ipsec.kernel.ask.socket.socket", refuse)
    monkeypatch.setattr(ask, "PfKey", Answering)
    proofs = prove([CBC, BY_PF_KEY])
    assert [proof.answer for proof in proofs.proofs] == [Answer.REFUSED, Answer.ACCEPTED]
    assert proofs.socket is False
    assert prove([BY_PF_KEY]).socket is None
