# SPDX-License-Identifier: GPL-3.0-or-later
"""Two real OpenIKEDs bring tunnels up on a sealed kernel: after the tool has run, and only then."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.daemons.iked.oracle import PACKAGES, SUITE
from tests.debs import unpacked
from tests.report_schema import checked
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel

pytestmark = pytest.mark.kernels("uml-6.1", "uml-7")

SCRIPT = Path(__file__).parents[1] / "guests" / "iked.py"
LIBRARIES = ("libevent-2.1.so.7", "libcrypto.so.3", "ossl-modules/legacy.so")
GATEWAYS = {4: "192.0.2.254", 6: "2001:db8::254"}
"""Nobody: what does not go through a tunnel is lost there."""
Said = dict[str, Any]


class Tunnel(NamedTuple):
    """One policy, and the SAs that it shall come to."""

    words: str
    """What stands behind `childsa`."""
    state: list[int]
    """PF_KEY's numbers: ESP; integrity, cipher; mode."""
    need: str
    family: int = 4
    transport: bool = False


TUNNELS = {
    "cbc": Tunnel(
        "enc aes-256 auth hmac-sha2-384",
        [3, 6, 12, 2],
        "ESP IPv4 AES_CBC_256 HMAC_SHA2_384_192 by PF_KEY",
    ),
    "ctr": Tunnel(
        "enc aes-256-ctr auth hmac-sha1",
        [3, 3, 13, 2],
        "ESP IPv4 AES_CTR_256 HMAC_SHA1_96 by PF_KEY",
    ),
    "ipv6": Tunnel(
        "enc aes-128 auth hmac-sha2-512",
        [3, 7, 12, 2],
        "ESP IPv6 AES_CBC_128 HMAC_SHA2_512_256 by PF_KEY",
        family=6,
    ),
    "transport": Tunnel(
        "enc aes-192 auth hmac-sha1",
        [3, 3, 12, 1],
        "ESP IPv4 transport AES_CBC_192 HMAC_SHA1_96 by PF_KEY",
        transport=True,
    ),
}


OUTER = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
"""The addresses of the two hosts, by family."""


def _inner(number: int, tunnel: Tunnel) -> tuple[str, str]:
    if tunnel.transport:
        return OUTER[tunnel.family]
    form = "10.{}.0.{}" if tunnel.family == 4 else "2001:db8:{}::{}"
    return form.format(1, number), form.format(2, number)


def _policy(name: str, number: int, side: int) -> str:
    tunnel = TUNNELS[name]
    outer, inner = OUTER[tunnel.family], _inner(number, tunnel)
    return (
        f'ikev2 "{name}" {"passive" if side else "active"} '
        f"{'transport' if tunnel.transport else 'tunnel'} esp "
        f"from {inner[side]} to {inner[1 - side]} local {outer[side]} peer {outer[1 - side]} "
        f'childsa {tunnel.words} srcid {name}{side} dstid {name}{1 - side} psk "for a guest"\n'
    )


def _prepare() -> list[str]:
    """Two hosts and the wire between them; what is sealed later must be loaded for that, too."""
    commands = [
        "modprobe -q ipv6 || test -d /proc/sys/net/ipv6",
        "modprobe veth",
        "ip netns add peer",
        "ip link add host0 type veth peer name peer0 netns peer",
        "chmod 755 /usr/sbin/iked",
        "chmod 600 /etc/iked.conf /etc/iked/private/local.key",
    ]
    for side, (ip, device) in enumerate((("ip", "host0"), ("ip -n peer", "peer0"))):
        commands += [f"{ip} link set {device} up", f"{ip} link set lo up"]
        nobody = f"lladdr 02:00:00:00:00:01 dev {device} nud permanent"
        commands += [
            f"{ip} address add {OUTER[4][side]}/24 dev {device}",
            f"{ip} address add {OUTER[6][side]}/64 dev {device} nodad",
            *(f"{ip} neighbor add {gateway} {nobody}" for gateway in GATEWAYS.values()),
        ]
        for number, tunnel in enumerate(TUNNELS.values(), 1):
            here, there = _inner(number, tunnel)[side], _inner(number, tunnel)[1 - side]
            via = f"via {GATEWAYS[tunnel.family]} dev {device} src {here}"
            if not tunnel.transport:
                commands += [f"{ip} address add {here} dev lo", f"{ip} route add {there} {via}"]
    return commands


def _orders() -> dict[str, dict[str, str]]:
    found = {}
    for number, (name, tunnel) in enumerate(TUNNELS.items(), 1):
        here, there = _inner(number, tunnel)
        found[name] = {
            "here": _policy(name, number, 0),
            "there": _policy(name, number, 1),
            "ping": f"ping -{tunnel.family} -c 1 -W 1 -I {here} {there}",
        }
    return found


def _files(tmp: Path) -> dict[str, bytes]:
    root = unpacked(SUITE, PACKAGES)
    key = tmp / "local.key"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "RSA", "-out", str(key)],
        check=True,
        capture_output=True,
    )
    public = subprocess.run(
        ["openssl", "rsa", "-in", str(key), "-pubout"], check=True, capture_output=True
    ).stdout
    libraries = root / "usr/lib/x86_64-linux-gnu"
    accounts = "root:x:0:0:root:/root:/bin/sh\n_iked:x:65533:65534::/var/lib/openiked:/bin/false\n"
    return {
        "/run-test.py": SCRIPT.read_bytes(),
        "/usr/sbin/iked": (root / "usr/sbin/iked").read_bytes(),
        **{f"/opt/iked/{name}": (libraries / name).read_bytes() for name in LIBRARIES},
        "/etc/passwd": accounts.encode(),
        "/etc/iked/private/local.key": key.read_bytes(),
        "/etc/iked/local.pub": public,
        **{f"/etc/iked/{name}/.keep": b"" for name in ("ca", "certs", "crls", "pubkeys/fqdn")},
        "/var/lib/openiked/.keep": b"",
        # what the tool reads: all of them
        "/etc/iked.conf": "".join(tunnel["here"] for tunnel in _orders().values()).encode(),
        "/tunnels.json": json.dumps({"prepare": _prepare(), "tunnels": _orders()}).encode(),
    }


def _observe(kernel: Kernel, how: str, tmp: Path) -> Said:
    result = run(kernel, ["python3", "/run-test.py", how], files=_files(tmp), timeout=300)
    assert result.status == 0, result.stderr
    said: Said = json.loads(result.stdout)
    return said


@pytest.fixture(scope="module")
def with_tool(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Said]:
    yield _observe(kernel, "with", tmp_path_factory.mktemp("with"))


@pytest.fixture(scope="module")
def without(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Said]:
    yield _observe(kernel, "without", tmp_path_factory.mktemp("without"))


def test_all_is_foreseen_loaded_and_proven_over_pf_key(with_tool: Said) -> None:
    before = checked(with_tool["check"]["output"])
    needs = {need["need"]: need["verdict"] for need in before["needs"]}
    assert needs == dict.fromkeys([*(t.need for t in TUNNELS.values()), "af_key"], "loadable")
    loaded = checked(with_tool["load"]["output"])
    assert (with_tool["load"]["status"], with_tool["sealed"]) == (0, "1"), loaded
    assert {need["proof"]["answer"] for need in loaded["needs"]} == {"accepted"}
    # from 6.7 on cbc asks for ecb before it takes the cipher itself (crypto/lskcipher.c)
    assert set(loaded["autoloaded"]) <= {"ecb"}
    assert "af_key" in with_tool["modules"]
    # it speaks PF_KEY alone
    assert "xfrm_user" not in with_tool["modules"]


@pytest.mark.parametrize("name", TUNNELS)
def test_tunnel_on_a_sealed_kernel(with_tool: Said, name: str) -> None:
    seen = with_tool["tunnels"][name]
    story = json.dumps(seen, indent=1).replace("\\n", "\n")
    assert seen["running"] == [True, True], story
    assert seen["ping"]["status"] == 0, story
    # one each way, and the pings went through both
    assert [state[:4] for state in seen["states"]] == [TUNNELS[name].state] * 2, story
    assert all(state[4] > 0 for state in seen["states"]), story


@pytest.mark.parametrize("name", TUNNELS)
def test_without_the_tool_it_does_not_even_start(without: Said, name: str) -> None:
    assert without["sealed"] == "1" and "af_key" not in without["modules"]
    seen = without["tunnels"][name]
    assert seen["running"] == [False, False] and seen["states"] == []
    assert "failed to open PF_KEY socket: Address family not supported" in seen["logs"][0]
