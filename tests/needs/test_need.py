# SPDX-License-Identifier: GPL-3.0-or-later
"""Names as /proc/crypto shows them on Debian kernels from 5.10 to 7.3."""

import pytest

from modprobe_ipsec.catalog.model import Protocol
from modprobe_ipsec.needs.need import Need
from tests.kernel.sample import AH, CBC, CBC_ESN, COMP, GCM, need

ESP = Protocol.ESP


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (GCM, "seqiv(rfc4106(gcm(aes)))"),
        (need(ESP, "AES_CCM_8", esn=True), "seqiv(rfc4309(ccm(aes)))"),
        (need(ESP, "CHACHA20_POLY1305"), "seqiv(rfc7539esp(chacha20,poly1305))"),
        (CBC, "echainiv(authenc(hmac(sha256),cbc(aes)))"),
        (CBC_ESN, "echainiv(authencesn(hmac(sha256),cbc(aes)))"),
        (need(ESP, "AES_CTR", "AES_XCBC_96"), "seqiv(authenc(xcbc(aes),rfc3686(ctr(aes))))"),
        (need(ESP, "NULL", "HMAC_SHA1_96"), "authenc(hmac(sha1),ecb(cipher_null))"),
        (need(ESP, "3DES"), "echainiv(authenc(digest_null,cbc(des3_ede)))"),
        (AH, "hmac(sha512)"),
        (need(Protocol.AH, "", "AES_CMAC_96", esn=True), "cmac(aes)"),
        (COMP, "deflate"),
    ],
    ids=lambda value: value.label if isinstance(value, Need) else "",
)
def test_crypto_name(wanted: Need, name: str) -> None:
    assert wanted.suite.crypto_name == name
