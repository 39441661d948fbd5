# SPDX-License-Identifier: GPL-3.0-or-later
"""What we know of other programs, compared with Debian's packages: where they lie, what they write
for an IKE daemon, and by what they reach the kernel."""

import re
from pathlib import Path

import pytest

from tests.daemons.common import CATALOG
from tests.daemons.others.test_readers import PROFILE
from tests.debs import unpacked

pytestmark = pytest.mark.oracle
SUITE = "bookworm"
PACKAGED = ("network-manager-l2tp", "openvswitch-ipsec", "vpnc", "openconnect", "keepalived")
MORE = ("systemd", "libopenconnect5")


def packages() -> Path:
    """The root of all of them."""
    return unpacked(SUITE, (*PACKAGED, *MORE))


def program(name: str) -> Path:
    """The program, as its package has it."""
    root = packages()
    found = [path for path in CATALOG.others[name].programs if (root / path[1:]).exists()]
    assert found, f"{name} lies elsewhere"
    return root / found[0][1:]


@pytest.mark.parametrize("name", [*PACKAGED, "systemd-networkd"])
def test_it_lies_where_we_look(name: str) -> None:
    assert program(name).is_file()
    for unit in CATALOG.others[name].units:
        assert (packages() / "usr/lib/systemd/system" / unit).is_file()


def test_what_open_vswitch_writes() -> None:
    script = program("openvswitch-ipsec").read_text()
    sections = script.split("\nclass ")
    for daemon, said in CATALOG.others["openvswitch-ipsec"].writes.items():
        (helper,) = (s for s in sections if s.lower().startswith(f"{daemon}helper"))
        for setting in said["conn"].split():
            key, _, value = setting.partition("=")
            if not key.endswith("protoport"):
                # what a tunnel's PSK adds stands in a template of its own
                assert re.search(rf"^ *{key}={re.escape(value)}\b", helper, re.MULTILINE), setting
    assert "leftprotoport=udp\n    rightprotoport=udp/6081" in script


def test_what_networkmanager_l2tp_writes() -> None:
    binary = program("network-manager-l2tp").read_bytes()
    for said in CATALOG.others["network-manager-l2tp"].writes.values():
        for text in (said["esp"], said["ikev1"], said["ikev2"]):
            assert text.encode() in binary
    keys = [line.split("=")[0] for line in PROFILE.split("[vpn]\n")[1].splitlines()]
    for key in ("ipsec-enabled", "ipsec-esp", "ipsec-ikev2", "ipsec-ipcomp", "l2tp_ppp", keys[0]):
        assert key.encode() in binary


def test_what_does_esp_itself_goes_through_tun() -> None:
    (library,) = packages().rglob("libopenconnect.so.5.*")
    for path in (program("vpnc"), library):
        binary = path.read_bytes()
        assert b"/dev/net/tun" in binary and b"xfrm" not in binary.lower()


def test_keepalived_makes_ah_itself() -> None:
    binary = program("keepalived").read_bytes()
    assert b"auth_type" in binary and b"xfrm" not in binary.lower()
