# SPDX-License-Identifier: GPL-3.0-or-later
"""Which traffic selectors make a host a gateway."""

import json
from pathlib import Path

import pytest

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.commands.main import main
from modprobe_ipsec.daemons.common.networks import networks
from tests.hosts import tree


@pytest.mark.parametrize(
    ("selectors", "families"),
    [
        ("10.0.0.0/8", "ipv4"),
        ("10.0/16", "ipv4"),
        ("10.1.0.0/255.255.0.0", "ipv4"),
        ("0.0.0.0/0[udp/53]", "ipv4"),
        ("10.1.0.1-10.1.0.9", "ipv4"),
        ("fd00::/64", "ipv6"),
        ("::/0", "ipv6"),
        ("dynamic 10.1.0.0/24 fd00::/64", "ipv4 ipv6"),
        ("10.1.0.1/32 10.1.0.1 fd00::1/128 10.1.0.1/255.255.255.255", ""),
        ("dynamic vhost:%no,%priv %dynamic dynamic[tcp/22] nonsense/3 /", ""),
        ("{10.1.0.0/24,10.2.0.0/24}", "ipv4"),
        ("10.0.0.1 " * 1000 + "10.0.0.0/8", ""),
        ("", ""),
    ],
)
def test_networks(selectors: str, families: str) -> None:
    assert networks(selectors) == tuple(map(Family, families.split()))


CONN = "conn a\n auto=add\n authby=secret\n ike=aes256-sha2_256;modp2048\n esp=aes_gcm256-null\n"
NET = "10.0.0.0/8"


@pytest.mark.parametrize(
    ("lines", "forwards"),
    [
        (f"left=%defaultroute leftsubnet={NET} right=192.0.2.1", True),
        (f"left=%defaultroute right=192.0.2.1 rightsubnet={NET}", False),
        (f"left=192.0.2.1 leftsubnets={{{NET},172.16.0.0/12}} right=%any", True),
        (f"left=192.0.2.1 right=192.0.2.9 leftsubnet={NET} rightsubnet={NET}", True),
        # pluto asks the interfaces which side it is; nobody else can tell
        (f"left=192.0.2.1 right=192.0.2.9 leftsubnet={NET}", False),
        (f"left=%defaultroute leftsubnet={NET} right=192.0.2.1 type=transport", False),
    ],
)
def test_libreswan(
    lines: str, forwards: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CONN + "".join(f" {line}\n" for line in lines.split())
    assert _forwards(text, "ipsec.conf", tmp_path, capsys) is forwards


@pytest.mark.parametrize(("selectors", "forwards"), [(NET, True), ("dynamic", False)])
def test_strongswan(
    selectors: str, forwards: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    child = f"esp_proposals = aes256gcm16\nlocal_ts = {selectors}\n"
    text = f"connections {{\na {{\nchildren {{\nb {{\n{child}}}\n}}\n}}\n}}\n"
    assert _forwards(text, "swanctl.conf", tmp_path, capsys) is forwards


def _forwards(text: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether the plan of a host with this configuration sets net.ipv4.ip_forward."""
    root = tree.assemble("modprobe-empty", tmp_path / "root")
    path = root / "etc" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    daemon = "libreswan" if name == "ipsec.conf" else "strongswan"
    options = ("--config", f"/etc/{name}", "--daemon", daemon, "-4")
    assert main(["--manifest", "json", "--root", str(root), *options]) == 0
    plan = json.loads(capsys.readouterr().out)
    return any(sysctl["key"] == "net.ipv4.ip_forward" for sysctl in plan["sysctls"])
