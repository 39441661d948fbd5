# SPDX-License-Identifier: GPL-3.0-or-later
"""Two real OpenIKEDs bring tunnels up on a sealed kernel: after the tool has run, and only then.
What the tool says of their traps comes true.

Debian 12's on its kernel's release, Debian 13's on a later one.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from modprobe_ipsec.daemons.registry import DAEMONS
from tests.daemons.iked import oracle
from tests.debs import start, unpacked
from tests.report_schema import checked
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel

pytestmark = pytest.mark.kernels("uml-6.1", "uml-7")

SCRIPT = Path(__file__).parents[1] / "guests" / "iked.py"
USERLANDS = {
    # 7.2
    "bookworm": oracle.PACKAGES,
    # 7.4
    "trixie": (
        *("openiked", "libevent-2.1-7t64", "libc6", "libssl3t64", "openssl-provider-legacy"),
        *("zlib1g", "libzstd1", "libsystemd0", "libcap2"),
    ),
}
SUITES = {"uml-6.1": "bookworm", "uml-7": "trixie"}
GATEWAYS = {4: "192.0.2.254", 6: "2001:db8::254"}
"""Nobody: what does not go through a tunnel is lost there."""
PROGRAM = "usr/sbin/iked"
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


class Trap(NamedTuple):
    """A policy that `iked -n` calls OK, and what comes of it."""

    words: str
    """What stands behind `childsa`."""
    problem: str
    """What the tool says of it."""
    says: str
    """What the daemons say."""
    has_states: bool = False
    """Whether there are SAs all the same; nothing goes through these either."""
    before: str = ""
    """What stands before `esp`."""


# All that anybody could want for them: it is not for lack of it.
PREPARE_TRAPS = (
    "modprobe-ipsec --daemon strongswan --esp aes128-sha1 --ipcomp -4",
    "modprobe -a af_key crypto_null gcm authencesn blowfish_generic cast5_generic",
)
OWN = list(DAEMONS["iked"].capabilities)
ALL = ["NET_ADMIN", "NET_BIND_SERVICE", *OWN]
"""What the manifests leave to its container."""
_AUTH = "auth hmac-sha1"
TRAPS = {
    "gcm": Trap(
        "enc aes-256-gcm",
        "leaves out ciphers with integrity of their own",
        "ikev2_resp_recv: failed to parse message",
    ),
    "sha256": Trap(
        "enc aes-256 auth hmac-sha2-256",
        "`auth hmac-sha2-256` may be agreed on",
        "pfkey_sa: unsupported integrity algorithm HMAC_SHA2_256_128",
    ),
    "blowfish": Trap(
        f"enc blowfish {_AUTH}",
        "`enc blowfish` may be agreed on",
        "pfkey_sa: unsupported encryption algorithm BLOWFISH",
    ),
    "cast": Trap(
        f"enc cast {_AUTH}",
        "`enc cast` may be agreed on",
        "pfkey_sa: unsupported encryption algorithm CAST",
    ),
    "null": Trap(
        f"enc null {_AUTH}",
        "`enc null` may be agreed on",
        "pfkey_reply: message: Invalid argument",
    ),
    "esn": Trap(
        f"enc aes-128 {_AUTH} esn",
        "`esn` may be agreed on",
        "pfkey_sa: kernel has no support for extended sequence numbers (ESN)",
    ),
    "ipcomp": Trap(
        f"enc aes-128 {_AUTH}",
        "`ipcomp` works on no Linux",
        # it says nothing of it
        "",
        has_states=True,
        before="ipcomp",
    ),
}


OUTER = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
"""The addresses of the two hosts, by family."""


def _inner(number: int, tunnel: Tunnel) -> tuple[str, str]:
    if tunnel.transport:
        return OUTER[tunnel.family]
    form = "10.{}.0.{}" if tunnel.family == 4 else "2001:db8:{}::{}"
    return form.format(1, number), form.format(2, number)


def _policy(
    name: str, words: str, outer: tuple[str, str], inner: tuple[str, str], side: int, how: str
) -> str:
    return (
        f'ikev2 "{name}" {"passive" if side else "active"} {how} esp '
        f"from {inner[side]} to {inner[1 - side]} local {outer[side]} peer {outer[1 - side]} "
        f'childsa {words} srcid {name}{side} dstid {name}{1 - side} psk "for a guest"\n'
    )


def _trap_ends(number: int) -> tuple[tuple[str, str], tuple[str, str]]:
    """The outer and the inner addresses of a trap, which has both for itself; iked answers from
    the first address of a network, so that each has one (RFC 2544)."""
    outer = (f"198.18.{number}.1", f"198.18.{number}.2")
    return outer, (f"10.1.1.{number}", f"10.2.1.{number}")


def _prepare() -> list[str]:
    """Two hosts and the wire between them; what is sealed later must be loaded for that, too."""
    commands = [
        "modprobe -q ipv6 || test -d /proc/sys/net/ipv6",
        "modprobe veth",
        "ip netns add peer",
        "ip link add host0 type veth peer name peer0 netns peer",
        "mount --bind /dev /iked/dev",
        "mount --bind /proc /iked/proc",
        f"chmod 755 /iked/{PROGRAM} /iked/lib64/*",
        "chmod 600 /etc/iked.conf /iked/etc/iked/private/local.key",
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
        for number in range(1, 1 + len(TRAPS)):
            outer, inner = _trap_ends(number)
            via = f"via {GATEWAYS[4]} dev {device} src {inner[side]}"
            commands += [
                f"{ip} address add {outer[side]}/24 dev {device}",
                f"{ip} address add {inner[side]} dev lo",
                f"{ip} route add {inner[1 - side]} {via}",
            ]
    return commands


def _tunnels() -> dict[str, dict[str, str]]:
    found = {}
    for number, (name, tunnel) in enumerate(TUNNELS.items(), 1):
        inner, how = _inner(number, tunnel), "transport" if tunnel.transport else "tunnel"
        here, there = (
            _policy(name, tunnel.words, OUTER[tunnel.family], inner, side, how) for side in (0, 1)
        )
        ping = f"ping -{tunnel.family} -c 1 -W 1 -I {inner[0]} {inner[1]}"
        found[name] = {"here": here, "there": there, "ping": ping}
    return found


def _traps() -> dict[str, dict[str, str]]:
    found = {}
    for number, (name, trap) in enumerate(TRAPS.items(), 1):
        outer, inner = _trap_ends(number)
        how = f"{trap.before} tunnel"
        here, there = (_policy(name, trap.words, outer, inner, side, how) for side in (0, 1))
        ping = f"ping -4 -c 1 -W 1 -I {inner[0]} {inner[1]}"
        found[name] = {"here": here, "there": there, "ping": ping, "says": trap.says}
        if trap.has_states:
            found[name]["ends"] = " ".join(sorted(outer))
    return found


def _userland(suite: str) -> dict[str, bytes]:
    """iked with the libraries of its own release, below /iked."""
    root = unpacked(suite, USERLANDS[suite])
    linker, *rest, program = start(root, PROGRAM)
    listed = subprocess.run(
        [linker, *rest, "--list", program], check=True, capture_output=True, text=True
    ).stdout
    libraries = [Path(line.split(" => ")[1].split()[0]) for line in listed.splitlines()[1:]]
    assert all(library.is_relative_to(root) for library in libraries), listed
    below = "/iked/usr/lib/x86_64-linux-gnu"
    (legacy,) = root.rglob("ossl-modules/legacy.so")
    return {
        f"/iked/{PROGRAM}": Path(program).read_bytes(),
        "/iked/lib64/ld-linux-x86-64.so.2": Path(linker).read_bytes(),
        **{f"{below}/{library.name}": library.read_bytes() for library in libraries},
        f"{below}/ossl-modules/legacy.so": legacy.read_bytes(),
    }


def _files(tmp: Path, suite: str, policies: dict[str, dict[str, str]]) -> dict[str, bytes]:
    key = tmp / "local.key"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "RSA", "-out", str(key)],
        check=True,
        capture_output=True,
    )
    public = subprocess.run(
        ["openssl", "rsa", "-in", str(key), "-pubout"], check=True, capture_output=True
    ).stdout
    accounts = "root:x:0:0:root:/root:/bin/sh\n_iked:x:65533:65534::/var/lib/openiked:/bin/false\n"
    orders = {
        "prepare": _prepare(),
        "tunnels": _tunnels(),
        "traps": _traps(),
        "prepare_traps": PREPARE_TRAPS,
        "capabilities": [ALL, *([name for name in ALL if name != lacking] for lacking in OWN)],
    }
    return {
        "/run-test.py": SCRIPT.read_bytes(),
        **_userland(suite),
        "/iked/etc/passwd": accounts.encode(),
        "/iked/etc/iked/private/local.key": key.read_bytes(),
        "/iked/etc/iked/local.pub": public,
        **{f"/iked/etc/iked/{name}/.keep": b"" for name in ("ca", "certs", "crls", "pubkeys/fqdn")},
        **{f"/iked/{name}/.keep": b"" for name in ("dev", "proc", "run", "var/lib/openiked")},
        # what the tool reads: all of them
        f"/{PROGRAM}": b"",
        "/etc/iked.conf": "".join(policy["here"] for policy in policies.values()).encode(),
        "/tunnels.json": json.dumps(orders).encode(),
    }


def _observe(kernel: Kernel, how: str, tmp: Path) -> Said:
    files = _files(tmp, SUITES[kernel.name], _traps() if how == "traps" else _tunnels())
    result = run(kernel, ["python3", "/run-test.py", how], files=files, timeout=300)
    assert result.status == 0, result.stderr
    said: Said = json.loads(result.stdout)
    return said


@pytest.fixture(scope="module")
def with_tool(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Said]:
    yield _observe(kernel, "with", tmp_path_factory.mktemp("with"))


@pytest.fixture(scope="module")
def without(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Said]:
    yield _observe(kernel, "without", tmp_path_factory.mktemp("without"))


@pytest.fixture(scope="module")
def trapped(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Said]:
    yield _observe(kernel, "traps", tmp_path_factory.mktemp("traps"))


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
    story = _story(seen)
    assert seen["running"] == [True, True], story
    assert seen["ping"]["status"] == 0, story
    # one each way, and the pings went through both
    assert [state["sa"] for state in seen["states"]] == [TUNNELS[name].state] * 2, story
    assert all(state["bytes"] > 0 for state in seen["states"]), story


@pytest.mark.parametrize("name", TUNNELS)
def test_without_the_tool_it_does_not_even_start(without: Said, name: str) -> None:
    assert without["sealed"] == "1" and "af_key" not in without["modules"]
    seen = without["tunnels"][name]
    assert False in seen["running"] and seen["states"] == [], _story(seen)
    assert "failed to open PF_KEY socket: Address family not supported" in "".join(seen["logs"])


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_named_before_and_happens(trapped: Said, name: str) -> None:
    trap, seen = TRAPS[name], trapped["traps"]
    said = checked(trapped["check"]["output"])["problems"]
    problems = {one["connection"]: one["text"] for one in said}
    assert trap.problem in problems[name] and "calls the file OK" in problems[name]
    story = _story(seen)
    # it was taken without a word, and is a policy like any other
    assert seen["running"] == [True, True], story
    assert trap.says in "".join(seen["logs"]), story
    outer, _ = _trap_ends(1 + list(TRAPS).index(name))
    states = [state for state in seen["states"] if state["ends"] == " ".join(sorted(outer))]
    assert bool(states) == trap.has_states, story
    assert seen["pings"][name] != 0, story


def test_the_capabilities_that_a_container_is_left(trapped: Said) -> None:
    seen = trapped["contained"]
    lives = {names: one["lives"] for names, one in seen.items()}
    assert lives == {names: names == " ".join(ALL) for names in seen}, _story(seen)
    assert len(seen) == 1 + len(OWN)


def _story(seen: Said) -> str:
    return json.dumps(seen, indent=1).replace("\\n", "\n")
