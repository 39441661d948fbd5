# SPDX-License-Identifier: GPL-3.0-or-later
"""/proc/crypto of several kernels; 6.18 is recorded, the others follow crypto/proc.c."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.host.facts import Algorithm
from modprobe_ipsec.host.kernel import proc_crypto as crypto

from . import DATA

EXPECTED = {
    "5.10": {
        "rfc4106-gcm-aesni": "aead",
        "cbc-aes-aesni": "skcipher",
        "aes-aesni": "cipher",
        "aes-generic": "cipher",
        "ghash-clmulni": "ahash",
        "deflate-generic": "compression",
        "drbg_nopr_hmac_sha256": "rng",
    },
    "6.12-fips": {
        "seqiv(rfc4106-gcm-aesni)": "aead",
        "ctr-aes-aesni": "skcipher",
        "cbc(ecb(aes-generic))": "lskcipher",
        "md5-generic": "shash",
        "deflate-scomp": "scomp",
        "rsa-generic": "akcipher",
    },
    "7.3": {
        "rfc4106-gcm-aes-lib": "aead",
        "generic-gcm-vaes-avx2": "aead",
        "cbc-aes-lib": "skcipher",
        "hmac-sha256-lib": "shash",
        "p1363(ecdsa-nist-p256-generic)": "sig",
        "deflate-scomp": "acomp",
    },
}


@pytest.mark.parametrize("kernel", EXPECTED)
def test_usable_algorithms(kernel: str) -> None:
    found = crypto.parse((DATA / f"crypto-{kernel}.txt").read_text())
    assert {a.driver: a.type for a in found} == EXPECTED[kernel]


def test_recorded() -> None:
    text = (DATA / "crypto-6.18.txt").read_text()
    found = crypto.parse(text)
    assert len(found) == text.count("selftest     : passed")
    assert found[0] == Algorithm("cbc(aes)", "cbc(ecb(aes-fixed-time))", "kernel", 101, "lskcipher")


@given(st.text())
def test_garbage(text: str) -> None:
    crypto.parse(text)


_WORDS = st.sampled_from(
    ["name", "driver", "module", "priority", "selftest", "internal", "type", ":", " : ", "\n",
     "\n\n", "passed", "larval", "yes", "-1", "9" * 5000, "\0", "cbc(aes)"]
)  # fmt: skip


@given(st.lists(_WORDS, max_size=60).map("".join))
def test_garbage_of_the_right_words(text: str) -> None:
    crypto.parse(text)
