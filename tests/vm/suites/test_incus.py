# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon in an unprivileged container of Incus brings a tunnel up once a profile has the key."""

from collections.abc import Callable

import pytest

from tests.report_schema import checked
from tests.vm.harness import tunnels
from tests.vm.harness.contained import KERNEL, STRONGSWAN, TUNNEL, Said, observe, stands
from tests.vm.harness.incus import incus
from tests.vm.harness.kernels import Kernel

pytestmark = pytest.mark.qemu

BRIDGE = "wire"
HERE = (
    f"ip address add {tunnels.OUTER[4][0]}/24 dev eth0",
    f"ip address add {TUNNEL.inner[0]} dev lo",
    f"ip route add default via {tunnels.GATEWAYS[0]}",
    # ping's own sockets need no capability then
    "sysctl -qw net.ipv4.ping_group_range='0 0'",
)


@pytest.fixture(scope="module")
def told(kernel_named: Callable[[str], Kernel]) -> Said:
    return observe(
        incus,
        STRONGSWAN,
        kernel_named(KERNEL),
        ways=["without", "key", "forbidden"],
        network=tunnels.bridged(BRIDGE),
        prepare=" && ".join(HERE),
        bridge=BRIDGE,
    )


def test_without_the_key_there_is_no_tunnel_and_the_cause_is_named(told: Said) -> None:
    way = told["without"]
    assert told["baseline"]["autoload"] == "/bin/false"
    assert not {"xfrm_user", "esp4", "seqiv"} & set(told["baseline"]["modules"])
    inside, report = way["inside"], checked(way["check"]["stdout"])
    assert not inside["settled"] and inside["daemon"], inside
    assert "Protocol not supported" in inside["log"] and way["loaded"] == [], inside["log"]
    container = report["container"]
    assert way["check"]["status"] == 2 and container["kind"] == "incus"
    assert container["user_namespace"] is True and container["rootless"] is False
    assert container["autoload"] == {"works": False, "why": "kernel.modprobe is /bin/false"}
    assert {"net-pf-16-proto-6", "xfrm-type-2-50", "crypto-seqiv"} <= set(container["preload"])
    texts = [reason["text"] for need in report["needs"] for reason in need["reasons"]]
    assert any("no XFRM netlink interface: xfrm_user is missing" in text for text in texts), texts


def test_with_the_key_the_tunnel_stands(told: Said) -> None:
    way = told["key"]
    stands(way)
    # the start of the container loaded them; its root is nobody on the host
    assert "xfrm_user" not in way["before"]
    assert {"esp4", "xfrm_user", "seqiv"} <= set(way["loaded"])
    assert way["inside"]["namespace"][:2] == ["0", "1000000"]


def test_a_line_that_lets_modprobe_fail_keeps_the_container_from_starting(told: Said) -> None:
    way = told["forbidden"]
    assert way["refused"]["status"] and "kernel module 'esp4'" in way["refused"]["stderr"]
    check = way["refused, check"]
    cause = "esp4 is blocked by /etc/modprobe.d/dirtyfrag.conf:2: install esp4 /bin/false"
    assert check["status"] == 2 and cause in " ".join(check["stdout"].split())


def test_a_blacklist_does_not_and_only_the_check_tells(told: Said) -> None:
    way = told["forbidden"]
    assert way["passed"]["status"] == 0
    check = way["passed, check"]
    cause = "esp4 is blocked by /etc/modprobe.d/dirtyfrag.conf:2: blacklist esp4"
    assert check["status"] == 2 and cause in " ".join(check["stdout"].split())
    assert "esp4" not in way["loaded"]
