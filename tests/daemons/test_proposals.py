# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose proposal a text is, what it needs, and what is said of one that nobody can read."""

from collections.abc import Mapping

import pytest

from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.daemons import proposals
from modprobe_ipsec.daemons.common.descriptor import Daemon, Release
from modprobe_ipsec.daemons.common.errors import ProposalError
from modprobe_ipsec.daemons.common.text import MAX_LENGTH
from modprobe_ipsec.daemons.proposals import default_needs, ipcomp_needs, needs
from modprobe_ipsec.needs.need import Choice, Need, Source, Suite
from tests.shipped import LIBRESWAN, STRONGSWAN

from .common import AH, CATALOG, CONTEXT, ESP, esn, labels

BOTH = (LIBRESWAN, STRONGSWAN)
TRANSFORMS = {
    name: word.transform for name, word in CATALOG.vocabularies["strongswan"].words.items()
}
FAMILIES = (Family.IPV4, Family.IPV6)


def read(
    text: str,
    protocol: Protocol,
    *,
    daemon: Daemon | None,
    fips: bool = False,
    release: Release | None = None,
) -> tuple[tuple[Daemon, ...], tuple[Suite, ...]]:
    context = CONTEXT._replace(daemon=daemon, fips=fips, release=release)
    return proposals.read(text, protocol, context)


WHOSE = {
    "aes128-sha256": BOTH,
    "aes256-sha2_256-modp2048": BOTH,
    "3des-md5": BOTH,
    "null-sha1": BOTH,
    "camellia192-sha384": BOTH,
    "chacha20poly1305": BOTH,
    "aes128-sha1,aes256-sha512": BOTH,
    "aes128-sha1-curve25519": BOTH,
    "aes_gcm256-null": (LIBRESWAN,),
    "AES128-SHA256": (LIBRESWAN,),
    "aes128+aes256-sha1": (LIBRESWAN,),
    "aes128-sha1;modp2048": (LIBRESWAN,),
    "aes128-hmac_sha1": (LIBRESWAN,),
    "!aes128-sha1": (LIBRESWAN,),
    "aes256gcm16-x25519": (STRONGSWAN,),
    "aes128-sha256!": (STRONGSWAN,),
    "aes128-sha256-esn": (STRONGSWAN,),
    "aes128-sha256, aes256-sha256": (STRONGSWAN,),
    "default": (STRONGSWAN,),
    "aes128-aes256-sha1": (STRONGSWAN,),
    "serpent-sha1": (STRONGSWAN,),
    # the whole text decides: the first item alone would be either's
    "aes128-sha256,aes_gcm": (LIBRESWAN,),
    "aes128-sha256,aes128gcm16": (STRONGSWAN,),
}


@pytest.mark.parametrize(("text", "whose"), WHOSE.items())
def test_whose(text: str, whose: tuple[Daemon, ...]) -> None:
    daemons, suites = read(text, ESP, daemon=None)
    assert daemons == whose
    assert suites
    assert len(set(suites)) == len(suites)
    for daemon in BOTH:
        if daemon in whose:
            named, alone = read(text, ESP, daemon=daemon)
            assert named == (daemon,)
            assert labels(alone) == labels(suites)
        else:
            with pytest.raises(ProposalError) as caught:
                read(text, ESP, daemon=daemon)
            assert caught.value.daemon is daemon


def test_esn_is_what_either_may_negotiate() -> None:
    for text, expected in (
        ("aes128-sha256", {False, True}),
        ("aes256gcm16", {False}),
        ("aes_gcm256", {False, True}),
    ):
        assert esn(read(text, ESP, daemon=None)[1]) == expected
    assert esn(read("aes128-sha256", ESP, daemon=STRONGSWAN)[1]) == {False}


@pytest.mark.parametrize(
    ("text", "ours", "theirs"),
    [
        (
            "aes128",
            "AES_CBC_128 HMAC_SHA2_512_256, AES_CBC_128 HMAC_SHA2_256_128 to libreswan",
            "AES_CBC_128 without integrity to strongSwan",
        ),
        (
            "aes-sha1",
            "AES_CBC_128 HMAC_SHA1_96, AES_CBC_192 HMAC_SHA1_96, AES_CBC_256 HMAC_SHA1_96 to",
            "; AES_CBC_128 HMAC_SHA1_96 to strongSwan",
        ),
        (
            "aes",
            "HMAC_SHA2_512_256 and 3 more to libreswan",
            "AES_CBC_128 without integrity to strongSwan",
        ),
        # one item differs
        ("aes128-sha256,null", "NULL HMAC_SHA2_512_256", "NULL without integrity to strongSwan"),
    ],
)
def test_different_readings_are_shown(text: str, ours: str, theirs: str) -> None:
    with pytest.raises(ProposalError) as caught:
        read(text, ESP, daemon=None)
    error = caught.value
    assert error.message.startswith(f"`{text}` means ")
    assert ours in error.message
    assert theirs in error.message
    assert error.hint == "say whose proposal it is: --daemon libreswan or --daemon strongswan"
    assert (error.text, error.token, error.daemon) == (text, text, None)
    for daemon in BOTH:
        assert read(text, ESP, daemon=daemon)[0] == (daemon,)


@pytest.mark.parametrize(
    ("text", "token", "position", "nearest", "daemon"),
    [
        # in no vocabulary: the nearest word of both
        ("aes265gcm16", "aes265gcm16", 0, "aes256gcm16", None),
        ("chacha20_poly1503", "chacha20_poly1503", 0, "chacha20_poly1305", None),
        ("aes128-sah256", "sah256", 7, "sha256", None),
        ("aes128-sha256-modp2084", "modp2084", 14, "modp2048", None),
        ("xyzzy", "xyzzy", 0, "", None),
        # one parser got further
        ("aes_gcm128-nul", "nul", 11, "null", None),
        ("aes128gcm16-curve25591", "curve25591", 12, "curve25519", None),
        # one parser knows the word, and it is out of place
        ("aes_gcm-md5", "md5", 8, "", LIBRESWAN),
        ("sha256", "sha256", 0, "", STRONGSWAN),
        ("aes128gcm16-aes128", "aes128", 12, "", STRONGSWAN),
        ("des;modp2048", "des", 0, "", LIBRESWAN),
        ("", "", 0, "", LIBRESWAN),
    ],
)
def test_nobody_can_read_it(
    text: str, token: str, position: int, nearest: str, daemon: Daemon | None
) -> None:
    with pytest.raises(ProposalError) as caught:
        read(text, ESP, daemon=None)
    error = caught.value
    found = (error.token, error.position, error.nearest, error.daemon)
    assert found == (token, position, nearest, daemon)
    assert f"character {position + 1} of `{text}`" in error.message
    assert "\n" not in error.message


class TestHostileText:
    def test_control_characters_are_escaped(self) -> None:
        text = "aes\x1b[31m\n\u202e\x00\udc80-\u2028"
        with pytest.raises(ProposalError) as caught:
            read(text, ESP, daemon=None)
        assert "`aes\\x1b[31m\\n\\u202e\\x00\\udc80`" in caught.value.message
        assert caught.value.message.isprintable()

    @pytest.mark.parametrize("daemon", [LIBRESWAN, STRONGSWAN, None])
    def test_messages_are_short(self, daemon: Daemon | None) -> None:
        for text in ("a" * MAX_LENGTH, "aes128-" + "\x01" * 4000, "aes" + "1" * 4000):
            with pytest.raises(ProposalError) as caught:
                read(text, ESP, daemon=daemon)
            assert len(caught.value.message) < 800

    def test_a_long_text_is_shown_around_the_place(self) -> None:
        text = "aes128-sha256," * 100 + "aes128-foo" + ",aes128-sha1" * 100
        with pytest.raises(ProposalError, match=r"character 1408 of `\.\.\..*128-foo,.*\.\.\.`"):
            read(text, ESP, daemon=None)

    @pytest.mark.parametrize("daemon", [LIBRESWAN, STRONGSWAN, None])
    def test_longer_is_not_even_read(self, daemon: Daemon | None) -> None:
        text = "aes128-sha256," * 1000
        with pytest.raises(ProposalError, match="14000 characters is too long: 4096 are read"):
            read(text, ESP, daemon=daemon)

    @pytest.mark.parametrize(
        "text",
        [
            "aes+camellia+aes_ctr+camellia_ctr+3des+null-"
            "md5+sha1+sha2+sha384+sha512+aes_xcbc+aes_cmac+null,",
            "aes_gcm+aes_ccm+aes_gcm_8+aes_ccm_8+aes_gcm_12+aes_ccm_12+aes_gmac,",
            "aes,",
            "aes+",
            "-".join([*(w for w, t in TRANSFORMS.items() if not t.is_aead), "esn,"]),
        ],
    )
    def test_the_map_bounds_what_is_found(self, text: str) -> None:
        """As many combinations as there can be, as often as they fit."""
        whole = (text * MAX_LENGTH)[:MAX_LENGTH]
        for end in ("+", ","):
            text = whole[: whole.rindex(end)] if end in whole else text
            for protocol in (ESP, AH):
                for daemon in BOTH:
                    try:
                        _, suites = read(text, protocol, daemon=daemon)
                    except ProposalError:
                        continue
                    assert len(suites) < 1024


@pytest.mark.parametrize(
    ("daemon", "text", "taken", "refused"),
    [
        (STRONGSWAN, "aes256gcm16-x25519-ke1_mlkem768", (6, 0, 0), (5, 9, 8)),
        (STRONGSWAN, "aes128-sha256,aes128-sha256-none", (5, 9, 7), (5, 9, 6)),
        (STRONGSWAN, "aes128-sha256-ntru128", (5, 9, 14), (6, 0, 0)),
        (LIBRESWAN, "encrypt=aes128-sha1", (5, 4), (5, 3)),
        (LIBRESWAN, "!aes128-sha1", (5, 4), (4, 10)),
    ],
)
def test_the_release_that_is_said_counts(
    daemon: Daemon, text: str, taken: Release, refused: Release
) -> None:
    assert read(text, ESP, daemon=daemon, release=taken)
    assert read(text, ESP, daemon=daemon, release=None)
    with pytest.raises(ProposalError):
        read(text, ESP, daemon=daemon, release=refused)


def test_a_word_of_another_release_is_named() -> None:
    with pytest.raises(ProposalError) as caught:
        read("aes128-modpnone,aes128-none", ESP, daemon=STRONGSWAN, release=(5, 9, 6))
    assert caught.value.position == len("aes128-modpnone,aes128-")
    assert "is no word of strongSwan 5.9.6 (since 5.9.7)" in caught.value.message


def test_needs_multiply_by_families() -> None:
    source = Source("--esp", "aes128-sha256")
    _, suites = read("aes128-sha256", ESP, daemon=STRONGSWAN)
    found = needs(iter(suites), iter(FAMILIES), source)
    assert [need.label for need in found] == [
        "ESP IPv4 AES_CBC_128 HMAC_SHA2_256_128",
        "ESP IPv6 AES_CBC_128 HMAC_SHA2_256_128",
    ]
    assert {need.sources for need in found} == {(source,)}


def default_labels(
    daemon: Daemon | None, releases: Mapping[str, Release] | None = None, *, fips: bool = False
) -> dict[str, list[str]]:
    context = CONTEXT._replace(daemon=daemon, families=(Family.IPV4,), fips=fips)
    found = default_needs(context, releases or {})
    return {need.label: [source.where for source in need.sources] for need in found}


class TestDefaultNeeds:
    def test_of_one(self) -> None:
        ours = default_labels(LIBRESWAN)
        assert next(iter(ours)) == "ESP IPv4 AES_GCM_16_256"
        assert "ESP IPv4 AES_CBC_128 HMAC_SHA2_256_128 ESN" in ours
        assert len(ours) == 2 * (3 + 4)
        assert set(map(tuple, ours.values())) == {("libreswan's default",)}
        theirs = default_labels(STRONGSWAN)
        assert len(theirs) == 3 + 15
        assert set(map(tuple, theirs.values())) == {("strongSwan's default",)}

    def test_of_both(self) -> None:
        merged = default_labels(None)
        assert set(merged) == set(default_labels(LIBRESWAN)) | set(default_labels(STRONGSWAN))
        assert merged["ESP IPv4 AES_GCM_16_256"] == ["libreswan's default", "strongSwan's default"]
        assert merged["ESP IPv4 CHACHA20_POLY1305"] == ["libreswan's default"]
        assert merged["ESP IPv4 AES_GCM_16_192"] == ["strongSwan's default"]

    def test_no_ah(self) -> None:
        assert all(label.startswith("ESP ") for label in default_labels(None))

    def test_fips(self) -> None:
        assert set(default_labels(LIBRESWAN)) - set(default_labels(LIBRESWAN, fips=True)) == {
            "ESP IPv4 CHACHA20_POLY1305",
            "ESP IPv4 CHACHA20_POLY1305 ESN",
        }

    def test_families(self) -> None:
        found = default_needs(CONTEXT, {})
        assert len(found) == 2 * len(default_labels(None))
        assert {need.family for need in found} == set(FAMILIES)

    def test_the_source_has_the_text(self) -> None:
        for need in default_needs(CONTEXT, {}):
            for source in need.sources:
                assert source.daemon is not None
                assert source.text == CATALOG.vocabularies[source.daemon].default(ESP)

    def test_of_a_release(self) -> None:
        chacha = "ESP IPv4 CHACHA20_POLY1305"
        assert chacha not in default_labels(LIBRESWAN, {"libreswan": (4, 10)})
        assert chacha in default_labels(LIBRESWAN, {"libreswan": (5, 0)})
        old = default_labels(None, {"strongswan": (5, 8, 4)})
        assert old["ESP IPv4 AES_GCM_16_256"] == ["libreswan's default"]
        # 5.9 may be any 5.9.x
        assert any("GCM" in label for label in default_labels(STRONGSWAN, {"strongswan": (5, 9)}))


def test_ipcomp() -> None:
    source = Source("--ipcomp")
    deflate = Suite(
        protocol=ipcomp_needs(CATALOG, FAMILIES, source)[0].suite.protocol,
        encryption=Choice(CATALOG.transforms["DEFLATE"], 0),
        integrity=None,
    )
    assert ipcomp_needs(CATALOG, FAMILIES, source) == (
        Need(deflate, Family.IPV4, (source,)),
        Need(deflate, Family.IPV6, (source,)),
    )
    assert ipcomp_needs(CATALOG, FAMILIES, source)[0].label == "IPComp IPv4 DEFLATE"


def test_ah() -> None:
    for text, whose in (("sha256", BOTH), ("sha1,md5", BOTH), ("aes128gmac", (STRONGSWAN,))):
        daemons, suites = read(text, AH, daemon=None)
        assert daemons == whose
        assert all(suite.protocol is AH and suite.encryption is None for suite in suites)


def test_fips_is_libreswans() -> None:
    assert read("aes128-md5", ESP, daemon=None, fips=True)[0] == (STRONGSWAN,)
    with pytest.raises(ProposalError, match="in FIPS mode"):
        read("aes128-md5", ESP, daemon=LIBRESWAN, fips=True)


def test_reading_is_pure_and_cheap_to_import() -> None:
    """Nothing but the standard library's small parts: start-up time counts."""
    import subprocess
    import sys

    code = f"import sys, {proposals.__name__}; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "difflib" not in modules
    assert not [name for name in modules if name.startswith(("yaml", "kmodpy"))]
