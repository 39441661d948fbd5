# SPDX-License-Identifier: GPL-3.0-or-later
"""What plugins of charon's add to its connections, take from them, or hide."""

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.daemons.common.descriptor import Context
from modprobe_ipsec.daemons.strongswan.confs import read_starter, read_swanctl
from modprobe_ipsec.needs.need import Mode, Need
from modprobe_ipsec.needs.reading import Reading
from tests.shipped import CATALOG, daemon_tree

from .common import IPSEC, STRONGSWAN, SWANCTL, Texts

CONTEXT = Context(CATALOG, daemon_tree, tuple(Family), fips=False)
CONN = "conn a\n\tauto=add\n\tright=192.0.2.1\n\tesp=%s\n"
SQL = "sql { database = sqlite:///etc/db.d/ipsec.db }"
HA = "ha { local = 10.1.0.1; }".replace(";", "\n remote = 10.1.0.2\n secret = s3cret\n")


def starter(load: str, esp: str) -> Reading:
    conf = f"charon {{\n load = random nonce stroke {load} socket-default\n}}\n"
    files = Texts({STRONGSWAN: conf, IPSEC: CONN % esp})
    return read_starter(IPSEC, files, CONTEXT)


def swanctl(load: str, plugins: str) -> Reading:
    conf = f"charon {{\n load = {load} vici\n plugins {{\n {plugins}\n }}\n}}\n"
    files = Texts({STRONGSWAN: conf, SWANCTL: "connections { }\n"})
    return read_swanctl(SWANCTL, files, CONTEXT)


def features(reading: Reading) -> set[str]:
    return {feature.feature for feature in reading.features}


def test_pfkey_says_what_it_cannot_do_where_that_is_asked_for() -> None:
    strict = starter("kernel-pfkey kernel-netlink", "aes128-sha256!")
    assert strict.problems == ()
    assert features(strict) == {"af_key"}
    (problem,) = starter("kernel-pfkey kernel-netlink", "aes128gcm16!").problems
    assert problem.text.startswith("kernel-pfkey sets up no SA with AES_GCM_16")
    # the defaults, which follow without the `!`, have AES-GCM
    assert starter("kernel-pfkey", "aes128-sha256").problems


def test_only_who_serves_ipsec_opens_its_socket() -> None:
    assert features(starter("kernel-pfkey", "aes128-sha256!")) == {"af_key"}
    assert features(starter("kernel-libipsec", "aes128-sha256!")) == {"tun"}
    # the first that is loaded makes SAs, kernel-netlink then only routes
    assert features(starter("kernel-libipsec kernel-netlink", "aes128!")) == {"tun"}
    assert features(starter("kernel-netlink kernel-libipsec", "aes128!")) == {"xfrm_socket"}


def test_connections_of_a_database_are_unknown() -> None:
    (problem,) = swanctl("sqlite sql kernel-netlink", SQL).problems
    assert problem.unread
    assert str(problem.place) == "/etc/strongswan.conf:4"
    assert problem.text == (
        "connections come from the database sqlite://... (plugin sql), which is not read"
    )
    assert swanctl("kernel-netlink", SQL).problems == ()


def test_a_cluster_has_an_sa_of_its_own() -> None:
    needs = swanctl("ha kernel-netlink", HA).needs
    assert {(need.family, need.mode) for need in needs} == {(Family.IPV4, Mode.TRANSPORT)}
    names = {name(need) for need in needs}
    assert {"AES_GCM_16", "AES_CBC"} == names
    assert needs[0].sources[0].where == "/etc/strongswan.conf:6 plugin ha"
    # without a secret it goes in the clear; without the plugin not at all
    assert swanctl("ha kernel-netlink", HA.replace("secret", "# secret")).needs == ()
    assert swanctl("kernel-netlink", HA).needs == ()


def name(need: Need) -> str:
    assert need.suite.encryption
    return need.suite.encryption.transform.name
