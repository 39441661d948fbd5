# SPDX-License-Identifier: GPL-3.0-or-later
"""What published documents say about what is asked for."""

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.loader import build
from modprobe_ipsec.catalog.model import Family, Profile, Protocol
from modprobe_ipsec.daemons import proposals
from modprobe_ipsec.needs.everything import all_needs
from modprobe_ipsec.needs.need import FeatureNeed, Need, Source
from modprobe_ipsec.needs.profile import against
from tests.daemons.common import CONTEXT
from tests.shipped import CATALOG, TREES

FAMILIES = (Family.IPV4,)


def asked(esp: str = "", ah: str = "") -> list[Need]:
    found: list[Need] = []
    for protocol, text in ((Protocol.ESP, esp), (Protocol.AH, ah)):
        if text:
            context = CONTEXT._replace(daemon=None)
            _, suites = proposals.read(text, protocol, context)
            found += proposals.needs(suites, FAMILIES, Source(f"--{protocol}", text))
    return found


def named(profile: Profile, *needs: Need) -> list[str]:
    return [finding.what for finding in against(needs, profile)]


@pytest.mark.parametrize(
    ("esp", "notes"),
    [
        ("aes256gcm16", []),
        ("aes128-sha256", []),
        ("3des-sha1", ["3DES", "HMAC_SHA1_96"]),
        ("des-md5", ["DES", "HMAC_MD5_96"]),
        ("blowfish256-sha256", ["BLOWFISH_256"]),
        ("null-sha256", ["NULL"]),
        ("aes128gmac", ["NULL_AES_GMAC_128"]),
    ],
)
def test_notes(esp: str, notes: list[str]) -> None:
    assert named(CATALOG.notes, *asked(esp)) == notes
    (why, *_) = [finding.why for finding in against(asked("3des-sha1"), CATALOG.notes)]
    assert why == "SHOULD NOT, 64-bit blocks (RFC 8221, section 5)"


PASS = {
    "rfc8221": ["aes256gcm16", "chacha20poly1305", "aes128-sha256", "null-sha256"],
    "cnsa2": ["aes256gcm16"],
    "fips": ["aes128gcm16", "aes256-sha1", "aes128ccm8", "aes128-aescmac"],
    "bsi": ["aes128gcm16", "aes128gcm12", "aes256-sha512", "aes192ccm16", "aes256ctr-sha384"],
}
FAIL = {
    "rfc8221": ["3des-sha256", "aes128-sha1", "aes128-md5", "cast128-sha256"],
    "cnsa2": ["aes128gcm16", "aes256gcm12", "aes256-sha384", "chacha20poly1305", "null-sha384"],
    "fips": [
        "3des-sha256",
        "chacha20poly1305",
        "aes128-aesxcbc",
        "camellia128-sha256",
        "aes128-md5",
    ],
    "bsi": ["aes128-sha1", "chacha20poly1305", "aes128gcm8", "null-sha256", "3des-sha256"],
}


@pytest.mark.parametrize("name", list(CATALOG.profiles))
def test_each_profile(name: str) -> None:
    profile = CATALOG.profiles[name]
    for esp in PASS[name]:
        assert named(profile, *asked(esp)) == [], esp
    for esp in FAIL[name]:
        assert named(profile, *asked(esp)), esp
        assert all("(" in finding.why for finding in against(asked(esp), profile)), "its source"


def test_encryption_without_integrity() -> None:
    need = asked("aes256-sha256")[0]
    alone = need._replace(suite=need.suite._replace(integrity=None))
    for name in ("rfc8221", "bsi"):
        assert named(CATALOG.profiles[name], alone) == ["AES_CBC_256 without integrity"]
    # an AEAD has its own
    assert named(CATALOG.profiles["rfc8221"], *asked("aes256gcm16")) == []


def test_one_finding_has_all_needs_of_its_kind() -> None:
    needs = asked("3des-sha1,3des-sha256,aes128-sha1")
    triple, sha1 = against(needs, CATALOG.notes)
    suites = [{need.suite._replace(esn=False) for need in of.needs} for of in (triple, sha1)]
    assert [len(of) for of in suites] == [2, 2] and len(suites[0] & suites[1]) == 1


def test_ah_counts_and_what_is_no_sa_does_not() -> None:
    assert named(CATALOG.notes, *asked(ah="sha1-sha256")) == ["HMAC_SHA1_96"]
    assert against([FeatureNeed("xfrm_interface", None)], CATALOG.profiles["cnsa2"]) == ()
    compression = proposals.ipcomp_needs(CATALOG, FAMILIES, Source("--ipcomp"))
    assert against(compression, CATALOG.profiles["cnsa2"]) == ()


def test_every_row_is_a_transform() -> None:
    everything = {
        choice.transform.name
        for need in all_needs(CATALOG, FAMILIES)
        for choice in (need.suite.encryption, need.suite.integrity)
        if choice
    }
    for profile in (CATALOG.notes, *CATALOG.profiles.values()):
        assert {*profile.against, *profile.allows} <= CATALOG.transforms.keys()
        assert everything & {*profile.against, *profile.allows}
        assert all("(" in text and text[-1] == ")" for text in profile.against.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"against": {"AES_XYZ": "no (RFC 1)"}}, "`AES_XYZ` is no transform"),
        ({"against": {"DES": "no"}}, "must end with its source"),
        ({"allows": {"AES_CBC": [100]}}, "has no keys of 100 bits"),
        ({"allows": {"AES_CBC": []}}, "`otherwise` is missing"),
        ({}, "a profile has `against` or `allows`"),
    ],
)
def test_a_mistake_in_the_table(change: dict[str, object], message: str) -> None:
    tree = {**TREES["profiles"]}
    tree["profiles"] = {**tree["profiles"], "new": {"title": "New", **change}}  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match=message):
        build({**TREES, "profiles": tree})
