# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's daemons bring tunnels up on a sealed kernel: after the tool has run, and only then."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from tests.report_schema import checked
from tests.vm.harness import tunnels, uml
from tests.vm.harness.booted import UNIT, UNITS, boot
from tests.vm.harness.image import REPOSITORY
from tests.vm.harness.kernels import Kernel
from tests.vm.harness.peer import LIBRESWAN_PEER, STRONGSWAN_CONF, STRONGSWAN_PEER, two_hosts
from tests.vm.harness.states import algorithms, bytes_of, protocol
from tests.vm.harness.systems import SYSTEMS, systems
from tests.vm.harness.tunnels import TUNNELS, Tunnel

KERNELS = {
    "bookworm-libreswan": "6.1",
    "trixie-libreswan": "uml-6.12",
    "bookworm-strongswan": "uml-6.1",
    "trixie-strongswan": "7",
}
"""The kernel that each runs on unless told otherwise: each daemon on an emulated one, too."""
WITHOUT = "uml-7"
"""Where each is tried without the tool: what it waits for in vain does not depend on drivers."""
SCRIPT = Path(__file__).parents[1] / "guests" / "tunnels.py"

SEAL_ONLY = """\
[Unit]
Description=Seals the kernel where the tool would, without the tool
Wants=network-online.target
After=network-online.target
Before=ipsec.service strongswan.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'echo 1 >/proc/sys/kernel/modules_disabled'
"""
Said = dict[str, Any]
"""What guest/tunnels.py prints."""
_AT_ONCE = 2  # guests, for two processors


def _tunnels(kernel: str) -> list[Tunnel]:
    """Those that a kernel can have: Debian's user-mode-linux is built without XFRM interfaces."""
    return [tunnel for tunnel in TUNNELS if uml.lane(kernel) == "qemu" or not tunnel.interface]


class Daemon(NamedTuple):
    """How one of the two daemons is configured and used."""

    unit: str
    files: dict[str, bytes]
    peer: str
    up: str
    """The command that brings a tunnel up and waits for it."""
    settle: str
    """A command that succeeds once both sides can be used."""


def _daemon(system: str, wanted: Sequence[Tunnel] = TUNNELS) -> Daemon:
    if "libreswan" in system:
        return Daemon(
            "ipsec.service",
            {
                "/etc/ipsec.conf": tunnels.ipsec_conf(wanted).encode(),
                "/etc/ipsec.secrets": f': PSK "{tunnels.SECRET}"\n'.encode(),
            },
            LIBRESWAN_PEER,
            "ipsec whack --name {name} --initiate",
            "ipsec whack --status",
        )
    return Daemon(
        "strongswan.service",
        {
            "/etc/swanctl/conf.d/tunnels.conf": tunnels.swanctl_conf(0, wanted).encode(),
            "/etc/peer/swanctl.conf": tunnels.swanctl_conf(1, wanted).encode(),
            "/etc/peer/strongswan.conf": STRONGSWAN_CONF.encode(),
        },
        STRONGSWAN_PEER,
        "swanctl --initiate --child {name} --timeout 30",
        "swanctl --list-conns",
    )


def _orders(tunnel: Tunnel, daemon: Daemon) -> dict[str, Any]:
    here, there = tunnel.inner
    makes_interface = daemon.unit == "strongswan.service" and tunnel.interface
    return {
        "name": tunnel.name,
        "prepare": tunnels.interfaces(tunnel) if makes_interface else [],
        "up": daemon.up.format(name=tunnel.name),
        # long enough to be worth compressing
        "ping": f"ping -c 3 -i 0.2 -W 2 -s 1000 -I {here} {there}",
    }


def _observe(system: str, kernel: Kernel, with_tool: bool) -> Said:
    wanted = _tunnels(kernel.name)
    daemon = _daemon(system, wanted)
    units = f"modprobe-ipsec.service {daemon.unit} peer.service"
    orders = {
        "settle": daemon.settle,
        "units": units,
        "tunnels": [_orders(tunnel, daemon) for tunnel in wanted],
    }
    both, links = two_hosts(daemon.unit, daemon.peer)
    files = {
        **daemon.files,
        "/tunnels.json": json.dumps(orders).encode(),
        "/run-test.py": SCRIPT.read_bytes(),
        **both,
    }
    enabled = f"{UNITS}/{daemon.unit}.wants/modprobe-ipsec.service"
    if with_tool:
        seal = (REPOSITORY / "systemd" / "seal.conf").read_bytes()
        files[f"{UNITS}/modprobe-ipsec.service.d/seal.conf"] = seal
        # emulated, and beside other guests, what takes a second may take a minute
        patient = b"[Service]\nTimeoutStartSec=5min\n"
        files[f"{UNITS}/modprobe-ipsec.service.d/patient.conf"] = patient
        links[enabled] = UNIT
    else:
        files[f"{UNITS}/modprobe-ipsec.service"] = SEAL_ONLY.encode()
        # one try instead of systemd's five
        files[f"{UNITS}/{daemon.unit}.d/once.conf"] = b"[Service]\nRestart=no\n"
        links[enabled] = f"{UNITS}/modprobe-ipsec.service"
    result = boot(
        kernel,
        system,
        ["python3", "/run-test.py"],
        files=files,
        links=links,
        timeout=900,
    )
    assert result.status == 0, result.stderr
    said: Said = json.loads(result.stdout)
    return said


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each daemon on its own kernel, or on each of those that the command line names."""
    if "pair" not in metafunc.fixturenames:
        return
    asked = metafunc.config.getoption("--kernel")
    without = "without" in metafunc.function.__name__
    pairs = [
        (name, each)
        for name in SYSTEMS
        for each in asked or [WITHOUT if without else KERNELS[name]]
    ]
    marks = {each: getattr(pytest.mark, uml.lane(each)) for _, each in pairs}
    if "tunnel" in metafunc.fixturenames:
        parameters = [
            pytest.param((name, each), tunnel, id=f"{name}-{each}-{tunnel.name}", marks=marks[each])
            for name, each in pairs
            for tunnel in _tunnels(each)
        ]
        metafunc.parametrize(("pair", "tunnel"), parameters)
    else:
        parameters = [
            pytest.param((name, each), id=f"{name}-{each}", marks=marks[each])
            for name, each in pairs
        ]
        metafunc.parametrize("pair", parameters)


@pytest.fixture(scope="module")
def observed_boot(
    request: pytest.FixtureRequest, kernel_named: Callable[[str], Kernel]
) -> Iterator[Callable[[tuple[str, str], bool], Said]]:
    """`_observe`; all boots that this module's tests will want start with the first call."""
    futures: dict[tuple[tuple[str, str], bool], Future[Said]] = {}
    wanted: list[tuple[tuple[str, str], bool]] = [
        (cast(tuple[str, str], item.callspec.params["pair"]), "without" not in item.name)
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
    ]
    systems(SYSTEMS)
    with ThreadPoolExecutor(_AT_ONCE) as pool:

        def said(pair: tuple[str, str], with_tool: bool) -> Said:
            for each in wanted:
                if each not in futures:
                    (system, name), tool = each
                    futures[each] = pool.submit(_observe, system, kernel_named(name), tool)
            return futures[pair, with_tool].result()

        yield said
        pool.shutdown(cancel_futures=True)


def _story(said: Said, name: str) -> str:
    """All that helps to understand why a tunnel is not there."""
    tunnel = said["tunnels"][name]
    parts = [
        json.dumps(tunnel, indent=1).replace("\\n", "\n"),
        said["units"],
        said["journal"][-6000:],
    ]
    return "\n".join(parts)


def test_tunnel_on_a_sealed_kernel(
    pair: tuple[str, str], tunnel: Tunnel, observed_boot: Callable[..., Said]
) -> None:
    said = observed_boot(pair, True)
    assert said["sealed"] == "1"
    assert said["active"] == ["active"] * 3, said["units"]
    seen = said["tunnels"][tunnel.name]
    states = seen["states"]
    story = _story(said, tunnel.name)
    assert all(step["status"] == 0 for step in seen["prepared"]), story
    assert states, story
    assert (seen["up"]["status"], seen["ping"]["status"]) == (0, 0), story
    assert {protocol(state) for state in states} == tunnel.protocols, story
    assert set().union(*map(algorithms, states)) == tunnel.algorithms, story
    # both ways; and the pings went through each of them, less what the kernel adds to IPComp for
    # packets that did not get smaller
    assert len(states) == 2 * len(tunnel.protocols), story
    assert all(bytes_of(state) > 0 for state in states if protocol(state) != "4"), story
    if tunnel.esn is not None:
        assert {("esn" in re.findall(r"flag.*", state)[0]) for state in states} == {tunnel.esn}
    if tunnel.interface:
        assert all(f"if_id {tunnel.interface:#x}" in state for state in states), story


def test_all_tunnels_stand_together_as_planned(
    pair: tuple[str, str], observed_boot: Callable[..., Said]
) -> None:
    said = observed_boot(pair, True)
    assert said["check"]["status"] == 0, said["check"]["output"]
    planned = set()
    for need in checked(said["check"]["output"])["needs"]:
        for part in ("encryption", "integrity"):
            if about := need.get(part):
                planned.add((about["xfrm"], about["key_bits"] + about["salt_bits"]))
    held = [algorithm for state in said["states"] for algorithm in algorithms(state)]
    assert {(name, bits) for kind, name, bits in held if kind != "comp"} <= planned
    assert len(said["states"]) >= 2 * len(_tunnels(pair[1]))


def test_without_the_tool_nothing_comes_up(
    pair: tuple[str, str], observed_boot: Callable[..., Said]
) -> None:
    said = observed_boot(pair, False)
    assert said["sealed"] == "1"
    assert said["states"] == []
    for tunnel in _tunnels(pair[1]):
        seen = said["tunnels"][tunnel.name]
        assert seen["up"]["status"] != 0, seen
