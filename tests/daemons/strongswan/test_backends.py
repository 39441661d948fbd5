# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that stand in no file, and plugins that serve IPsec by another way."""

import pytest

from modprobe_ipsec.needs.reading import Place, Reading

from .common import IPSEC, STRONGSWAN, SWANCTL, read

CHILD = "connections {{ a {{ remote_addrs = 192.0.2.1\n children {{ c {{ {} }} }} }} }}\n"
LOAD = "load = random nonce sqlite sql ha load-tester kernel-netlink socket-default vici stroke"
HA = "local = 10.1.0.1\n remote = 10.1.0.2"


def plugin(name: str, section: str, *, load: str = LOAD, file: str = SWANCTL) -> Reading:
    conf = f"charon {{\n {load}\n plugins {{\n {name} {{\n {section}\n }}\n }}\n}}\n"
    return read({STRONGSWAN: conf, file: "# nothing\n"})


def needs(reading: Reading) -> set[str]:
    return {need.label for need in reading.needs}


@pytest.mark.parametrize("file", [SWANCTL, IPSEC])
@pytest.mark.parametrize("load", [LOAD, "", "load_modular = yes"])
@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("sqlite:///etc/db.d/ipsec.db", "sqlite://..."),
        ("mysql://root:s3cret@localhost/db", "mysql://..."),
        ("s3cret", "..."),
    ],
)
def test_sql_is_not_read(file: str, load: str, uri: str, shown: str) -> None:
    extra = "load = yes\n" if load == "load_modular = yes" else ""
    reading = plugin("sql", f"{extra} database = {uri}", load=load, file=file)
    (problem,) = reading.problems
    assert problem.unread
    assert not problem.conn
    assert problem.place == Place(STRONGSWAN, 6 if extra else 5)
    assert f"the database {shown} (plugin sql), which is not read" in problem.text
    assert "s3cret" not in problem.text


@pytest.mark.parametrize(
    ("section", "load"),
    [
        ("", LOAD),
        ("database = sqlite:///x", "load = random vici kernel-netlink"),
        ("database = sqlite:///x", "load_modular = yes"),
        ("database = sqlite:///x\n load = no", LOAD),
    ],
)
def test_sql_is_not_used(section: str, load: str) -> None:
    assert plugin("sql", section, load=load).problems == ()


def test_uci_is_not_read() -> None:
    conf = {STRONGSWAN: f"charon {{\n {LOAD} uci\n}}\n", SWANCTL: ""}
    assert [problem.text for problem in read(conf).problems if problem.unread] == [
        "connections come from UCI (plugin uci), which is not read"
    ]


@pytest.mark.parametrize("file", [SWANCTL, IPSEC])
def test_ha_has_a_tunnel_of_its_own(file: str) -> None:
    reading = plugin("ha", f"{HA}\n secret = s3cret", load="", file=file)
    assert "ESP IPv4 transport AES_GCM_16_128" in needs(reading)
    assert "ESP IPv4 transport AES_CBC_256 AES_XCBC_96" in needs(reading)
    assert {need.mode for need in reading.needs} == {"transport"}
    assert {need.family.name for need in reading.needs} == {"IPV4"}
    assert all("s3cret" not in str(need.sources) for need in reading.needs)


def test_ha_over_ipv6() -> None:
    section = "local = fd00::1\n remote = fd00::2\n secret = x"
    assert {need.family.name for need in plugin("ha", section).needs} == {"IPV6"}


@pytest.mark.parametrize(
    ("section", "load"),
    [(HA, LOAD), ("secret = x", LOAD), (f"{HA}\n secret = x", "load = kernel-netlink")],
)
def test_ha_without_a_tunnel(section: str, load: str) -> None:
    assert plugin("ha", section, load=load).needs == ()


@pytest.mark.parametrize(
    ("section", "labels"),
    [
        ("enable = yes\n responder = 192.0.2.1", {"ESP IPv4 AES_CBC_128 HMAC_SHA1_96"}),
        (
            "enable = yes\n responder = fd00::1\n esp = aes256gcm16\n mode = transport",
            {"ESP IPv6 transport AES_GCM_16_256", "ESP IPv6 AES_GCM_16_256"},
        ),
        (
            "enable = yes\n responder = 192.0.2.1\n esp = nonsense",
            {"ESP IPv4 AES_CBC_128 HMAC_SHA1_96"},
        ),
        ("responder = 192.0.2.1", set()),
        ("enable = yes\n fake_kernel = yes", set()),
    ],
)
def test_load_tester(section: str, labels: set[str]) -> None:
    assert needs(plugin("load-tester", section)) == labels


def pfkey(child: str) -> Reading:
    conf = "charon {\n load = vici kernel-pfkey kernel-netlink\n}\n"
    return read({STRONGSWAN: conf, SWANCTL: CHILD.format(child)})


def test_pf_key_has_what_it_has() -> None:
    reading = pfkey("esp_proposals = aes128-sha256")
    assert reading.problems == ()
    assert needs(reading) == {"ESP IPv4 AES_CBC_128 HMAC_SHA2_256_128 by PF_KEY"}


@pytest.mark.parametrize(
    "child",
    ["esp_proposals = aes128gcm16", "esp_proposals = serpent-sha1", "ah_proposals = aescmac",
     "esp_proposals = aes128-sha256\n sha256_96 = yes"],
)  # fmt: skip
def test_pf_key_has_nothing_of_it(child: str) -> None:
    reading = pfkey(child)
    assert reading.needs == ()
    (problem,) = reading.problems
    assert problem.conn == "a children c"
    assert "kernel-pfkey sets up no SA with" in problem.text


@pytest.mark.parametrize("child", ["", "esp_proposals = aes256gcm16, aes128-sha256"])
def test_pf_key_has_some_of_it(child: str) -> None:
    reading = pfkey(child)
    assert reading.needs
    assert not any("GCM" in label for label in needs(reading))
    (problem,) = reading.problems
    assert problem.conn == ""
    assert "AES_GCM_16, which a peer may choose" in problem.text
