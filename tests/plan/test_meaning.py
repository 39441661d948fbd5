# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user reads about an answer."""

import errno

import pytest

from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.needs.need import Need
from modprobe_ipsec.needs.proof import Answer, Proof, Proofs
from modprobe_ipsec.plan.meaning import NO_SOCKET, explain
from tests.kernel.sample import AH, CBC, COMP, GCM, need

CRYPTO = "Kernel was unable to initialize cryptographic operations"


@pytest.mark.parametrize(
    ("wanted", "number", "message", "part"),
    [
        (CBC, 93, "Requested type not found", "xfrm-type-2-50, so there is no ESP IPv4"),
        (CBC, 93, "", "xfrm-type-2-50, so there is no ESP IPv4"),
        (CBC, 93, "Requested mode not found", "no tunnel mode"),
        (CBC, 93, NO_SOCKET, "xfrm_user"),
        (COMP, 93, "", "xfrm-type-2-108, so there is no IPComp IPv4"),
        (need(Protocol.AH, "", "HMAC_SHA1_96", family=Family.IPV6), 93, "", "xfrm-type-10-51,"),
        (CBC, 38, "Requested AUTH_TRUNC algorithm not found", "know hmac(sha256), or"),
        (CBC, 38, "Requested CRYPT algorithm not found", "know cbc(aes), or"),
        (CBC, 38, "", "know cbc(aes) with hmac(sha256), or"),
        (GCM, 38, "Requested AEAD algorithm not found", "know rfc4106(gcm(aes)), or"),
        (GCM, 2, CRYPTO, "build seqiv(rfc4106(gcm(aes))): a template"),
        (CBC, 80, CRYPTO, "self-test"),
        (CBC, 22, CRYPTO, "key length"),
        (AH, 22, CRYPTO, "set up hmac(sha512)"),
        (COMP, 22, "", "set up deflate or its IP-in-IP tunnel"),
        (CBC, 95, "", "32-bit"),
        (CBC, 97, "", "IPv6"),
        (CBC, 110, "", "timed out"),
        (CBC, 4095, "", "Unknown error"),
    ],
)
def test_a_refusal_names_the_layer(wanted: Need, number: int, message: str, part: str) -> None:
    said = explain(Proof(wanted, Answer.REFUSED, number, message))
    assert part in said
    assert f"errno {number}" in said
    assert message in said
    assert "\n" not in said


def test_the_other_answers() -> None:
    differs = "the kernel made something else"
    assert explain(Proof(GCM, Answer.REFUSED, why=differs)) == differs
    assert explain(Proof(GCM, Answer.NOT_ASKED, why="no time")) == "no time"
    assert explain(Proof(GCM, Answer.ACCEPTED, driver="seqiv(x)")).endswith(" with seqiv(x)")
    assert explain(Proof(GCM, Answer.ACCEPTED)) == "the kernel made it"


def test_the_socket_in_words() -> None:
    assert Proofs(()).socket_in_words == ""
    assert Proofs((), socket=True).socket_in_words == "can be opened"
    refused = Proofs((), socket=False, socket_errno=errno.EPROTONOSUPPORT)
    assert refused.socket_in_words == "none: Protocol not supported"
