# SPDX-License-Identifier: GPL-3.0-or-later
"""libreswan's grammar, rule by rule; `test_libreswan_oracle.py` asks the real parser as well."""

from collections.abc import Callable

import pytest

from modprobe_ipsec.catalog.model import XfrmTable
from modprobe_ipsec.daemons.common.errors import ProposalError
from modprobe_ipsec.daemons.libreswan import DAEMON
from modprobe_ipsec.daemons.libreswan.proposals import default, read
from modprobe_ipsec.needs.need import Suite
from tests.daemons.common import AH, CATALOG, ESP, esn, labels

VOCABULARY = CATALOG.vocabularies[DAEMON.name]
SHA2 = ("HMAC_SHA2_512_256", "HMAC_SHA2_256_128")
SHA = ("HMAC_SHA1_96", *SHA2)
AES = ("AES_CBC_128", "AES_CBC_192", "AES_CBC_256")
GCM = [f"AES_GCM_16_{bits}" for bits in (128, 192, 256)]


Reader = Callable[[str], tuple[Suite, ...]]


def check(text: str, expected: list[str] | None, reader: Reader) -> None:
    if expected is None:
        with pytest.raises(ProposalError) as caught:
            reader(text)
        assert caught.value.exit_code == 64
    else:
        assert labels(reader(text)) == expected


def read_esp(text: str) -> tuple[Suite, ...]:
    return read(text, ESP, CATALOG)


def times(ciphers: tuple[str, ...], integrity: tuple[str, ...]) -> list[str]:
    """Each cipher with each integrity algorithm."""
    return [f"{cipher} {auth}" for cipher in ciphers for auth in integrity]


ESP_IKEV2 = {
    # the key length: its forms, and the order in which they are tried
    "aes_gcm256": ["AES_GCM_16_256"],
    "aes_gcm-256": ["AES_GCM_16_256"],
    "aes_gcm_256": ["AES_GCM_16_256"],
    "aes_gcm_16_256": ["AES_GCM_16_256"],
    "aes_gcm_c-256": ["AES_GCM_16_256"],
    "aes_gcm_16-256": ["AES_GCM_16_256"],
    "aes_gcm-0256": ["AES_GCM_16_256"],
    "aes_gcm_16": GCM,
    "aes_gcm": GCM,
    "aes_gcm_8_192": ["AES_GCM_8_192"],
    "aes_gcm_12128": None,
    "aes_gcm-16": None,
    "aes_gcm-0": None,
    "aes0-sha1": None,
    "aes224-sha1": None,
    "aes-128x": None,
    "aes-123456789012345": None,
    "aes-" + "9" * 3000: None,
    "aes__128": None,
    "aes_": None,
    "128": None,
    "3des": times(("3DES",), SHA2),
    "3des168-sha1": None,
    "3des-192-sha1": None,
    "chacha20_poly1305": ["CHACHA20_POLY1305"],
    "chacha20poly1305": ["CHACHA20_POLY1305"],
    "chacha20_poly1305-256": None,
    "null-sha1": ["NULL HMAC_SHA1_96"],
    "null128-sha1": None,
    # names: any case, `_` belongs to them
    "AES_CBC_256-SHA2_512": ["AES_CBC_256 HMAC_SHA2_512_256"],
    "Aes128-hmac_Sha2_256": ["AES_CBC_128 HMAC_SHA2_256_128"],
    "aes128-sha2": ["AES_CBC_128 HMAC_SHA2_256_128"],
    "aes128-sha": ["AES_CBC_128 HMAC_SHA1_96"],
    "aes128-aes_xcbc": ["AES_CBC_128 AES_XCBC_96"],
    "aes128-aes_cmac_96": ["AES_CBC_128 AES_CMAC_96"],
    "aesctr128-md5": ["AES_CTR_128 HMAC_MD5_96"],
    "camellia_192-sha384": ["CAMELLIA_CBC_192 HMAC_SHA2_384_192"],
    "camellia_ctr256-sha1": ["CAMELLIA_CTR_256 HMAC_SHA1_96"],
    "null_auth_aes_gmac-128": ["NULL_AES_GMAC_128"],
    "aes_ccm_a-192-null": ["AES_CCM_8_192"],
    "aes128-sha1_96": ["AES_CBC_128 HMAC_SHA1_96"],
    "aes256_sha1": None,
    "aes256gcm16": None,
    "aes128-md5_96": None,
    # nothing is known by C's tolower() or digits alone that is not ASCII
    "aes-\u0661\u0662\u0668": None,
    "aes\u00b2": None,
    # alternatives and their order; repeated ones are dropped
    "aes_gcm256,aes128-sha1": ["AES_GCM_16_256", "AES_CBC_128 HMAC_SHA1_96"],
    "aes128-sha1,aes_gcm256": ["AES_CBC_128 HMAC_SHA1_96", "AES_GCM_16_256"],
    "aes128-sha1,aes128-sha1": ["AES_CBC_128 HMAC_SHA1_96"],
    "aes": times(AES, SHA2),
    "aes128+aes": times(AES, SHA2),
    "aes256+aes": times(("AES_CBC_256", "AES_CBC_128", "AES_CBC_192"), SHA2),
    "aes,": None,
    ",aes": None,
    "": None,
    ",": None,
    # chains
    "aes256+aes128-sha2_512+sha1": times(
        ("AES_CBC_256", "AES_CBC_128"), ("HMAC_SHA2_512_256", "HMAC_SHA1_96")
    ),
    "aes-128+3des-sha1": ["AES_CBC_128 HMAC_SHA1_96", "3DES HMAC_SHA1_96"],
    "aes_gcm128+aes_ccm128": ["AES_GCM_16_128", "AES_CCM_16_128"],
    "aes128+": None,
    "+aes128": None,
    "aes128-sha1+": None,
    "aes_gcm+aes": None,
    "3des+aes_gcm": None,
    # white space is part of a word
    "aes_gcm, aes256-sha2": None,
    " aes_gcm": None,
    "aes_gcm ": None,
    # integrity: an AEAD has its own, the others must have some
    "aes_gcm128-null": ["AES_GCM_16_128"],
    "aes_gcm128-none": ["AES_GCM_16_128"],
    "aes_gcm128-none+null": ["AES_GCM_16_128"],
    "aes_gcm-md5": None,
    "aes_gcm-null+sha1": None,
    "aes128-null": None,
    "null-none": None,
    "3des-none+null": None,
    # pluto looks only whether all are none
    "aes128-sha1+null": ["AES_CBC_128 HMAC_SHA1_96", "AES_CBC_128"],
    # key exchange
    "aes_gcm128-null-modp2048": ["AES_GCM_16_128"],
    "aes_gcm128;modp2048": ["AES_GCM_16_128"],
    "aes_gcm128;none": ["AES_GCM_16_128"],
    "aes_gcm128;dh19+ECP_384": ["AES_GCM_16_128"],
    "aes128-sha1-none": ["AES_CBC_128 HMAC_SHA1_96"],
    "aes128-sha1;ml_kem_768": ["AES_CBC_128 HMAC_SHA1_96"],
    "aes_gcm-modp2048": None,
    "aes_gcm;modp2048-modp2048": None,
    "aes_gcm;modp2048;modp2048": None,
    "aes_gcm128-null-modp2048-sha1": None,
    "aes_gcm;dh22": None,
    "aes_gcm;": None,
    "aes_gcm;modp2048+": None,
    "aes-sha1-": None,
    "aes--sha1": None,
    # 5.4: types
    "aes128-sha1;encrypt=aes256": times(("AES_CBC_128", "AES_CBC_256"), ("HMAC_SHA1_96",)),
    "aes128-sha1;integ=sha2+md5": times(
        ("AES_CBC_128",), ("HMAC_SHA1_96", "HMAC_SHA2_256_128", "HMAC_MD5_96")
    ),
    "encrypt=aes128;integ=sha1": ["AES_CBC_128 HMAC_SHA1_96"],
    "integ=sha1;encrypt=aes-128+3des;ke=dh19": ["AES_CBC_128 HMAC_SHA1_96", "3DES HMAC_SHA1_96"],
    "aes_gcm128;modp2048;addke1=ml_kem_768+none;ADDKE7=none": ["AES_GCM_16_128"],
    "aes_gcm128;sn=yes": ["AES_GCM_16_128"],
    "aes_gcm128;integ=sha1": None,
    "integ=sha1;ke=dh19": None,
    "aes_gcm128;addke8=dh19": None,
    "aes_gcm128;addke1=": None,
    "aes_gcm128;sn=maybe": None,
    "aes_gcm128;sn=": None,
    "aes_gcm128;prf=sha1": None,
    "aes_gcm128;=": None,
    "aes=sha1": None,
    "aes_gcm128;sn=yes=no": None,
    "aes_gcm128;sn=yes-no": None,
    # 5.4: `!` overrules the checks, and strongSwan's place for it is none
    "!aes128-null": None,
    "!aes_gcm128-sha1": ["AES_GCM_16_128"],
    "!aes128+aes_gcm128-sha1": ["AES_CBC_128 HMAC_SHA1_96", "AES_GCM_16_128"],
    "aes128-sha1,!null-none": None,
    "!": None,
    "!!aes": None,
    "aes128-sha1!": None,
    # known and not there any more
    "des": None,
    "blowfish": None,
    "serpent": None,
    # IKEv1 only
    "aes128-hmac_sha2_256_truncbug": None,
}  # fmt: skip

ESP_IKEV1 = {
    "aes128": times(("AES_CBC_128",), SHA),
    "aes-sha1": times(AES, ("HMAC_SHA1_96",)),
    "aes_gcm256": ["AES_GCM_16_256"],
    "aes128-hmac_sha2_256_truncbug": ["AES_CBC_128 HMAC_SHA2_256_96"],
    "aes128-sha1;modp2048": ["AES_CBC_128 HMAC_SHA1_96"],
    "aes128-sha1-dh21": ["AES_CBC_128 HMAC_SHA1_96"],
    "aes128;integ=sha1": ["AES_CBC_128 HMAC_SHA1_96"],
    "aes128-sha1,3des-md5": ["AES_CBC_128 HMAC_SHA1_96", "3DES HMAC_MD5_96"],
    "aes+3des": None,
    "aes-sha1+sha2": None,
    "aes-sha1;modp2048+modp3072": None,
    "aes;encrypt=3des": None,
    "aes;integ=sha1;integ=sha2": None,
    "aes;sn=no": None,
    "aes;addke1=dh19": None,
    "chacha20_poly1305": None,
    "aes;none": None,
    "aes;dh0": None,
    "aes;ml_kem_512": None,
}

AH_IKEV2 = {
    "sha1": ["HMAC_SHA1_96"],
    "sha2_512+sha2_256": list(SHA2),
    "sha1,md5-modp2048": ["HMAC_SHA1_96", "HMAC_MD5_96"],
    "aes_cmac;dh19": ["AES_CMAC_96"],
    "integ=sha1;sn=no": ["HMAC_SHA1_96"],
    "sha1;integ=md5": ["HMAC_SHA1_96", "HMAC_MD5_96"],
    "null": None,
    "none": None,
    "sha1+null": None,
    "!null": None,
    "aes-sha1": None,
    "aes_gcm": None,
    "sha1;encrypt=aes": None,
    "ke=dh19": ["HMAC_SHA2_512_256", "HMAC_SHA2_256_128"],
    ";modp2048": None,
    "sha1-128": None,
    "": None,
}


PFS_REFUSED = [
    "aes,aes;modp2048",
    "aes;none,aes",
    "aes-sha1,3des-sha1;modp8192",
    "aes;modp2048,3des;modp3072",
    "aes;modp2048,3des;none,aes_gcm;dh19",
    "aes;modp2048+dh19,3des;dh19",
]

PFS_TAKEN = [
    "aes,3des",
    "aes;modp2048,3des;dh14",
    "aes;none,aes;modp2048",
    "aes;null,3des;dh0",
    "aes;dh19+dh20,3des;ecp_256",
    "aes;curve25519,3des;dh31",
    "aes;modp2048,!3des",
]

FIPS_REFUSED = [
    "camellia",
    "camellia_ctr",
    "null-sha1",
    "chacha20_poly1305",
    "aes-md5",
    "aes-aes_xcbc",
    "aes;modp1536",
    "aes;dh31",
    "aes;curve25519",
    "aes;ml_kem_768",
    "aes;dh24",
]

FIPS_TAKEN = [
    "3des-sha1",
    "aes",
    "aes_ctr",
    "aes_ccm",
    "aes_gcm-null",
    "aes_gmac",
    "aes-aes_cmac",
    "aes;modp2048",
    "aes;dh19",
    "aes;none",
]


@pytest.mark.parametrize(("text", "expected"), ESP_IKEV2.items())
def test_esp(text: str, expected: list[str] | None) -> None:
    check(text, expected, read_esp)


@pytest.mark.parametrize(("text", "expected"), ESP_IKEV1.items())
def test_esp_ikev1(text: str, expected: list[str] | None) -> None:
    check(text, expected, lambda text: read(text, ESP, CATALOG, ike=1))


@pytest.mark.parametrize(("text", "expected"), AH_IKEV2.items())
def test_ah(text: str, expected: list[str] | None) -> None:
    check(text, expected, lambda text: read(text, AH, CATALOG))


@pytest.mark.parametrize("name", VOCABULARY.words)
def test_every_name_is_read(name: str) -> None:
    transform = VOCABULARY.words[name].transform
    ike = VOCABULARY.words[name].ike or 2
    if transform.kind is XfrmTable.AUTH:
        (suite,) = read(name, AH, CATALOG, ike=ike, esn=(False,))
        assert suite.integrity is not None
        assert suite.integrity.transform is transform
    else:
        suites = read(name, ESP, CATALOG, ike=ike)
        ciphers = dict.fromkeys(suite.encryption for suite in suites)
        assert [(c.transform, c.key_bits) for c in ciphers if c] == [
            (transform, bits) for bits in transform.key_bits
        ]


@pytest.mark.parametrize("name", sorted(VOCABULARY.key_exchange))
def test_every_key_exchange_is_read(name: str) -> None:
    assert read(f"aes_gcm128;{name}", ESP, CATALOG, pfs=True, esn=(True,))


class TestEsn:
    def test_either_unless_said(self) -> None:
        assert esn(read_esp("aes,aes_gcm")) == {False, True}

    def test_the_option_decides(self) -> None:
        assert esn(read("aes,aes_gcm", ESP, CATALOG, esn=(True,))) == {True}

    def test_never_with_ikev1(self) -> None:
        assert esn(read("aes,aes_gcm", ESP, CATALOG, ike=1, esn=(False, True))) == {False}
        assert esn(read("aes,aes_gcm", ESP, CATALOG, ike=1, esn=(True,))) == {False}

    @pytest.mark.parametrize(
        ("text", "option", "expected"),
        [
            ("aes;sn=yes", (False, True), {True}),
            ("aes;sn=NO", (False, True), {False}),
            ("aes;sn=yes+no", (False, True), {False, True}),
            ("aes;sn=yes;sn=no", (True,), {True}),
            # the proposal is what is sent
            ("aes;sn=yes", (False,), {True}),
        ],
    )
    def test_the_proposal_narrows(
        self, text: str, option: tuple[bool, ...], expected: set[bool]
    ) -> None:
        assert esn(read(text, ESP, CATALOG, esn=option)) == expected

    def test_the_preferred_comes_first(self) -> None:
        suites = read("aes_gcm128", ESP, CATALOG, esn=(True, False))
        assert [suite.esn for suite in suites] == [True, False]


class TestPfs:
    """`pfs=yes`: all or none, and the same one; `pfs=no`: dropped; not known: both must do."""

    @pytest.mark.parametrize("text", PFS_REFUSED)
    def test_refused(self, text: str) -> None:
        for pfs in (None, False):
            assert read(text, ESP, CATALOG, pfs=pfs)
        with pytest.raises(ProposalError, match="pfs=yes"):
            read(text, ESP, CATALOG, pfs=True)

    @pytest.mark.parametrize("text", PFS_TAKEN)
    def test_taken(self, text: str) -> None:
        for pfs in (None, False, True):
            assert labels(read(text, ESP, CATALOG, pfs=pfs)) == labels(read_esp(text))


class TestFips:
    @pytest.mark.parametrize("text", FIPS_REFUSED)
    def test_refused(self, text: str) -> None:
        assert read_esp(text)
        with pytest.raises(ProposalError, match=r"is not recognized as .* in FIPS mode"):
            read(text, ESP, CATALOG, fips=True)

    @pytest.mark.parametrize("text", FIPS_TAKEN)
    def test_taken(self, text: str) -> None:
        assert read(text, ESP, CATALOG, fips=True) == read_esp(text)

    def test_ikev1_truncbug(self) -> None:
        with pytest.raises(ProposalError, match="in FIPS mode"):
            read("hmac_sha2_256_truncbug", AH, CATALOG, ike=1, fips=True)


class TestDefault:
    def test_esp(self) -> None:
        assert labels(default(ESP, CATALOG)) == [
            "AES_GCM_16_256",
            "AES_GCM_16_128",
            "CHACHA20_POLY1305",
            *times(("AES_CBC_256", "AES_CBC_128"), SHA2),
        ]
        assert esn(default(ESP, CATALOG)) == {False, True}

    def test_fips_silently_skips(self) -> None:
        normal = labels(default(ESP, CATALOG, esn=(False,)))
        normal.remove("CHACHA20_POLY1305")
        assert labels(default(ESP, CATALOG, fips=True)) == normal

    def test_ah(self) -> None:
        assert labels(default(AH, CATALOG)) == list(SHA2)
