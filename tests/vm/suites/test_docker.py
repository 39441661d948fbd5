# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon in a container of Docker brings a tunnel up once its host has done what it is told."""

from collections.abc import Callable

import pytest

from tests.vm.harness import tunnels
from tests.vm.harness.contained import (
    CDI,
    KERNEL,
    LIBRESWAN,
    SHIPPED,
    TUNNEL,
    Said,
    observe,
    stands,
)
from tests.vm.harness.docker import docker
from tests.vm.harness.kernels import Kernel

pytestmark = pytest.mark.qemu

WAYS = ("run flags", "compose", "hook by CDI")
BRIDGE = "wire"


@pytest.fixture(scope="module")
def told(kernel_named: Callable[[str], Kernel]) -> Said:
    return observe(
        docker,
        LIBRESWAN,
        kernel_named(KERNEL),
        ways=["without", *WAYS, "forbidden"],
        network=tunnels.bridged(BRIDGE),
        prepare=f"ip address add {TUNNEL.inner[0]} dev lo",
        files={CDI: (SHIPPED / "cdi.json").read_bytes()},
        memory=3072,
        bridge=BRIDGE,
        address=tunnels.OUTER[4][0],
        gateway=tunnels.GATEWAYS[0],
        subnet=f"{tunnels.OUTER[4][0].rpartition('.')[0]}.0/24",
    )


def test_without_the_host_there_is_no_tunnel_and_the_cause_is_named(told: Said) -> None:
    way = told["without"]
    assert told["baseline"]["autoload"] == "/bin/false"
    # Docker opens an XFRM socket of its own when it starts
    assert "xfrm_user" in told["baseline"]["modules"]
    assert not {"esp4", "seqiv"} & set(told["baseline"]["modules"])
    inside, report = way["inside"], way["check"]
    assert inside["settled"] and inside["ping"]["status"], inside
    assert "aead" not in inside["states"] and way["loaded"] == [], inside["states"]
    container = report["container"]
    assert report["exit_code"] == 3 and container["kind"] == "docker"
    assert container["autoload"] == {"works": False, "why": "kernel.modprobe is /bin/false"}
    assert {"xfrm-type-2-50", "crypto-seqiv"} <= set(container["preload"])
    assert container["lacks"] == []
    # its seccomp profile lets nobody prove anything
    (gcm, *_) = [need for need in report["needs"] if "AES_GCM" in need["need"]]
    assert gcm["proof"]["answer"] == "not asked"
    assert "seccomp filter, as the container runtime sets it, forbids" in gcm["proof"]["why"]


@pytest.mark.parametrize("name", WAYS)
def test_after_the_host_did_its_part_the_tunnel_stands(name: str, told: Said) -> None:
    way = told[name]
    stands(way)
    assert {"esp4", "seqiv"} <= set(way["loaded"])


def test_a_line_of_the_administrator_keeps_the_container_from_starting(told: Said) -> None:
    way = told["forbidden"]
    cause = "esp4 is blocked by /etc/modprobe.d/dirtyfrag.conf:2: install esp4 /bin/false"
    assert way["hook"]["status"] == 125 and way["hook"]["stdout"] == ""
    # Docker passes on what a hook says
    said = way["hook"]["stderr"].partition("modprobe-ipsec-hook: ")[2]
    assert cause in said and "CVE-2026-43284" in said, way["hook"]
    assert "esp4" not in way["loaded"]
