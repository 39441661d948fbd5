# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit of --watch beside Debian's daemons: one is killed and its SAs are flushed, and the unit
names the peer that sends on, the SPI, the connection and the command that brings it up.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.vm.harness import tunnels
from tests.vm.harness.booted import UNITS, boot
from tests.vm.harness.kernels import Kernel
from tests.vm.harness.peer import LIBRESWAN_PEER, STRONGSWAN_CONF, STRONGSWAN_PEER, two_hosts

pytestmark = pytest.mark.kernels("uml-7")
SCRIPT = Path(__file__).parents[1] / "guests" / "watch_daemon.py"
Said = dict[str, Any]


class Tried(NamedTuple):
    """One tunnel."""

    name: str
    number: int
    family: int
    in_udp: bool

    @property
    def inner(self) -> tuple[str, str]:
        if self.number < len(tunnels.TUNNELS):
            return tunnels.TUNNELS[self.number].inner
        return f"2001:db8:1:{self.number}::1", f"2001:db8:2:{self.number}::1"


TRIED = (
    Tried("four", 0, 4, False),
    Tried("four-udp", 1, 4, True),
    Tried("six", 9, 6, False),
    Tried("six-udp", 19, 6, True),
)
# Addresses that only this suite needs.
MORE = f"ip address add {TRIED[-1].inner[0]} dev lo; "
MORE += f"ip -n peer address add {TRIED[-1].inner[1]} dev lo"
ONCE = b"[Service]\nRestart=no\n"


def ipsec_conf() -> str:
    text = "config setup\n\nconn %default\n    authby=secret\n    auto=add\n    pfs=no\n"
    text += f"    ike={tunnels.LIBRESWAN_IKE}\n    esp=aes_gcm256\n"
    for tried in TRIED:
        (left, right), (here, there) = tunnels.OUTER[tried.family], tried.inner
        bits = 128 if tried.family == 6 else 32
        text += f"\nconn {tried.name}\n    left={left}\n    right={right}\n"
        text += f"    leftsubnet={here}/{bits}\n    rightsubnet={there}/{bits}\n"
        text += f"    leftid=@{tried.name}.here\n    rightid=@{tried.name}.there\n"
        text += f"    encapsulation={'yes' if tried.in_udp else 'auto'}\n"
    return text


def swanctl_conf(side: int) -> str:
    text = "connections {\n"
    for tried in TRIED:
        outer = tunnels.OUTER[tried.family]
        ends = (f"{tried.name}.here", f"{tried.name}.there")
        text += f"  c-{tried.name} {{\n    local_addrs = {outer[side]}\n"
        text += f"    remote_addrs = {outer[1 - side]}\n"
        text += f"    proposals = {tunnels.STRONGSWAN_IKE}\n"
        text += f"    encap = {'yes' if tried.in_udp else 'no'}\n"
        text += f"    local {{\n      auth = psk\n      id = {ends[side]}\n    }}\n"
        text += f"    remote {{\n      auth = psk\n      id = {ends[1 - side]}\n    }}\n"
        text += f"    children {{\n      {tried.name} {{\n        local_ts = {tried.inner[side]}\n"
        text += f"        remote_ts = {tried.inner[1 - side]}\n"
        text += "        esp_proposals = aes256gcm16\n      }\n    }\n  }\n"
    return text + f'}}\nsecrets {{\n  ike {{\n    secret = "{tunnels.SECRET}"\n  }}\n}}\n'


class Side(NamedTuple):
    """A daemon's way of things."""

    unit: str
    files: dict[str, bytes]
    peer: str
    up: str
    settle: str
    # What is told to bring a connection up, and the place of one.
    command: str
    place: str


SIDES = {
    "trixie-libreswan": Side(
        "ipsec.service",
        {
            "/etc/ipsec.conf": ipsec_conf().encode(),
            "/etc/ipsec.secrets": f': PSK "{tunnels.SECRET}"\n'.encode(),
        },
        LIBRESWAN_PEER,
        "ipsec whack --name {name} --initiate",
        "ipsec whack --status",
        "ipsec up {name}",
        "/etc/ipsec.conf:",
    ),
    "trixie-strongswan": Side(
        "strongswan.service",
        {
            "/etc/swanctl/conf.d/tunnels.conf": swanctl_conf(0).encode(),
            "/etc/peer/swanctl.conf": swanctl_conf(1).encode(),
            "/etc/peer/strongswan.conf": STRONGSWAN_CONF.encode(),
        },
        STRONGSWAN_PEER,
        "swanctl --initiate --child {name} --timeout 30",
        "swanctl --list-conns",
        "swanctl --initiate --child {name}",
        "/etc/swanctl/conf.d/tunnels.conf:",
    ),
}


def observe(kernel: Kernel, system: str) -> Said:
    side = SIDES[system]
    orders = {
        "unit": side.unit,
        "settle": f"{MORE}; {side.settle}",
        "tunnels": [
            {
                "name": tried.name,
                "up": side.up.format(name=tried.name),
                "ping": "ip netns exec peer ping -c 5 -i 0.2 -W 1 "
                f"-I {tried.inner[1]} {tried.inner[0]}",
            }
            for tried in TRIED
        ],
    }
    both, links = two_hosts(side.unit, side.peer)
    files = {
        **side.files,
        "/watch.json": json.dumps(orders).encode(),
        "/run-test.py": SCRIPT.read_bytes(),
        **both,
        f"{UNITS}/{side.unit}.d/once.conf": ONCE,
    }
    result = boot(
        kernel, system, ["python3", "/run-test.py"], files=files, links=links, timeout=600
    )
    assert result.status == 0, result.stderr
    said: Said = json.loads(result.stdout)
    return said


@pytest.mark.parametrize("system", SIDES)
def test_who_lost_its_sas_is_named(system: str, kernel: Kernel) -> None:
    said, side = observe(kernel, system), SIDES[system]
    assert said["result"] == ["success", "0"], said["lines"]
    told = [line for line in said["lines"] if line["text"].startswith("unknown-spi: ")]
    for tried in TRIED:
        protocol = "ESP in UDP" if tried.in_udp else "ESP"
        here, there = tunnels.OUTER[tried.family]
        start = rf"unknown-spi: {protocol} from {there} (port \d+ )?to {here} with SPI 0x"
        found = [line for line in told if re.match(start, line["text"])]
        assert found, (tried, said)
        text = found[0]["text"]
        assert re.search(r"0x([0-9a-f]{8})", text)[1] in said["states"]  # type: ignore[index]
        assert side.command.format(name=tried.name) in text and side.place in text
        assert found[0]["level"] == "4"
    assert any("all SAs were removed at once" in line["text"] for line in said["lines"])


def main() -> None:
    """Print how long it took from the first lost packet to the line."""
    from tests.vm.harness import uml

    for system in SIDES:
        said = observe(uml.fetch("uml-7"), system)
        for line in said["lines"]:
            print(f"{line['at']:.2f} <{line['level']}> {line['text']}")
        print({name: lost["start"] for name, lost in said["lost"].items()})


if __name__ == "__main__":
    main()
