# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release does not know costs the connection, and is said where the release is not known."""

import pytest

from modprobe_ipsec.daemons.common.descriptor import Release
from modprobe_ipsec.needs.reading import Reading

from ..common import table
from .common import IPSEC, SWANCTL, read


def swanctl(*, conn: str = "", child: str = "", auth: str = "auth = psk") -> str:
    return (
        f"connections {{\n x {{\n {conn}\n remote_addrs = 192.0.2.1\n local {{ {auth} }}\n"
        f" children {{\n c {{\n {child}\n }}\n }}\n }}\n}}\n"
    )


def ipsec(text: str) -> dict[str, str]:
    return {IPSEC: f"conn x\n right=192.0.2.1\n auto=add\n {text}\n"}


def lost(reading: Reading) -> bool:
    return not reading.needs and [problem.conn for problem in reading.problems] == ["x"]


def numbers(text: str) -> Release:
    return tuple(int(part) for part in text.removeprefix("<=").split("."))


KEYWORDS = [
    (
        row["keyword"],
        row["transform_type"],
        numbers(row["first_tag"]),
        numbers(row["last_tag_if_removed"] or "99.0.0"),
    )
    for row in table("strongswan_keywords.tsv")
]


@pytest.mark.parametrize(
    "release",
    [(5, 6, 1), (5, 7, 2), (5, 9, 1), (5, 9, 2), (5, 9, 8), (5, 9, 14), (6, 0, 0), (6, 1, 0)],
)
def test_each_word_in_its_releases(release: Release) -> None:
    seen = set()
    for word, kind, first, last in KEYWORDS:
        esp = word if kind == "ENCRYPTION_ALGORITHM" else f"aes128-{word}"
        expected = not first <= release <= last
        child = f"esp_proposals = {esp}"
        assert lost(read(swanctl(child=child), release=release)) is expected, word
        assert lost(read(ipsec(f"esp={esp}!"), release=release)) is expected, word
        seen.add(expected)
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("since", "text"),
    [
        ((6, 0, 0), swanctl(child="esp_proposals = aes256gcm16-x25519-ke1_mlkem768")),
        ((6, 0, 0), swanctl(child="esp_proposals = aes256gcm16, aes128-sha256-ke7_none")),
        ((6, 0, 0), swanctl(conn="proposals = aes128-sha256-x25519-ke1_mlkem512")),
        ((6, 0, 2), swanctl(child="mode = iptfs")),
        ((6, 0, 2), swanctl(child="per_cpu_sas = yes")),
        ((6, 0, 5), swanctl(child="icmp = yes")),
        ((5, 9, 14), swanctl(conn="ocsp = both")),
        ((5, 9, 10), swanctl(child="hw_offload = packet")),
        ((5, 9, 10), swanctl(conn="childless = prefer")),
        ((5, 9, 6), swanctl(child="label = system_u:object_r:ipsec_spd_t:s0")),
        ((5, 8, 0), swanctl(conn="if_id_in = 7")),
        ((6, 0, 0), ipsec("ike=aes128-sha256-x25519-ke1_mlkem512")),
        ((6, 0, 0), ipsec("esp=aes128-sha256-mlkem768")),
    ],
)
def test_new(since: Release, text: str) -> None:
    before = (*since[:2], since[2] - 1) if since[2] else (since[0], since[1] - 1, 99)
    before = (5, 9, 14) if before < since == (6, 0, 0) else before
    reading = read(text, release=before)
    assert lost(reading)
    shown = ".".join(map(str, since))
    assert f"(since {shown}), and does not load this connection" in reading.problems[0].text
    assert read(text, release=since).needs
    assert not read(text, release=since).problems
    unknown = read(text, release=None)
    assert unknown.needs
    assert [problem.conn for problem in unknown.problems] == [""]
    assert f"came with strongSwan {shown}" in unknown.problems[0].text
    # 6.0 may be any 6.0.x
    if since[2]:
        assert read(text, release=since[:2]).problems == unknown.problems


@pytest.mark.parametrize(
    "text",
    [
        swanctl(child="esp_proposals = aes128-sha256-ntru128"),
        swanctl(child="esp_proposals = aes128-sha256-newhope128"),
        swanctl(auth="auth = bliss-sha256"),
    ],
)
def test_gone(text: str) -> None:
    assert not read(text, release=(5, 9, 14)).problems
    reading = read(text, release=(6, 0, 0))
    assert lost(reading)
    assert "(gone since 6.0.0)" in reading.problems[0].text
    unknown = read(text, release=None)
    assert unknown.needs
    assert "is gone since strongSwan 6.0.0" in unknown.problems[0].text


@pytest.mark.parametrize(
    "text", [swanctl(conn="version = 1"), swanctl(conn="version = +01"), ipsec("keyexchange=ikev1")]
)
def test_ikev1_is_not_built_any_more(text: str) -> None:
    assert not read(text, release=(6, 0, 6)).problems
    reading = read(text, release=(6, 1, 0))
    assert lost(reading)
    assert "loaded and never comes up" in reading.problems[0].text
    assert "since 6.1.0 strongSwan is built without" in read(text, release=None).problems[0].text


def test_ikev1_that_was_built() -> None:
    texts = {SWANCTL: swanctl(conn="version = 1")}
    library = "/usr/lib/ipsec/libcharon.so.0"
    assert lost(read({**texts, library: "\x7fELF\0no such thing\0"}, release=(6, 1, 0)))
    built = read(
        {**texts, library: "\x7fELF\0initiating Main Mode IKE_SA %s[%d] to %H\0"}, release=(6, 1, 0)
    )
    assert built.needs
    assert not built.problems


@pytest.mark.parametrize("version", ["0", "2"])
def test_other_versions_of_ike(version: str) -> None:
    assert not read(swanctl(conn=f"version = {version}"), release=(6, 1, 0)).problems


@pytest.mark.parametrize(
    "text", [swanctl(), ipsec("esp=3des-md5"), swanctl(child="esp_proposals=default")]
)
def test_gcm_is_a_default_since_5_9(text: str) -> None:
    def gcm(release: Release | None) -> bool:
        reading = read(text, release=release)
        assert reading.needs
        assert not reading.problems
        return any("AES_GCM" in need.label for need in reading.needs)

    assert not gcm((5, 8, 4))
    assert gcm((5, 9, 0))
    assert gcm(None)
    old = read(text, release=(5, 8, 4)).needs[-1].sources[0].text
    assert "gcm" not in old


def test_each_word_is_said_once_where_nobody_knows() -> None:
    child = "c{} {{ esp_proposals = aes128-sha256-mlkem768 }}"
    many = "\n".join(child.format(number) for number in range(9))
    text = f"connections {{\n x {{\n children {{\n {many}\n }}\n }}\n}}\n"
    assert len(read(text, release=None).problems) == 1


def test_a_conn_that_is_not_loaded_is_not_talked_about() -> None:
    conn = {IPSEC: "conn x\n esp=aes128-mlkem768\n"}
    assert read(conn, release=None).problems == ()
