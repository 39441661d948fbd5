# SPDX-License-Identifier: GPL-3.0-or-later
"""container/README.md, word for word: from a host that blocks autoload to a tunnel.

A guest has no network, so it gets what the README's first and third command make elsewhere:
`booted.tool` is what `make install` installs, and tests/container/images.py runs `podman build`.
"""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.container.images import image
from tests.container.test_files import README, commands
from tests.vm.harness import cpio, tunnels
from tests.vm.harness.booted import UNITS, boot
from tests.vm.harness.cache import built
from tests.vm.harness.image import REPOSITORY
from tests.vm.harness.kernels import Kernel
from tests.vm.harness.peer import LIBRESWAN_PEER, PEER
from tests.vm.harness.podman import podman

pytestmark = pytest.mark.qemu

SCRIPT = Path(__file__).parents[1] / "guests" / "five_commands.py"
IMAGE = "/var/tmp/ike.tar"  # noqa: S108
GCM = tuple(tunnel for tunnel in tunnels.TUNNELS if tunnel.name == "gcm")
# as on any host; copies of an image would take long to make
STORAGE = b"""\
[storage]
driver = "overlay"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
"""
SECRETS = f': PSK "{tunnels.SECRET}"\n'.encode()
SETTINGS = LIBRESWAN_PEER.replace(
    "--config /etc/ipsec.conf", "--config /etc/peer/ipsec.conf --secretsfile /etc/peer/secrets"
)
MAKE, INSTALL, BUILD, RUN, LOGS = (shlex.join(command) for command in commands())


@pytest.fixture(scope="module")
def said(kernel_named: Callable[[str], Kernel]) -> dict[str, Any]:
    # what the words of the other two make is there already
    assert (MAKE, BUILD[:13]) == ("make install", "podman build ")
    kernel = kernel_named("6.12")
    configuration = tunnels.ipsec_conf(GCM).encode()
    here, there = GCM[0].inner
    without = [word for word in shlex.split(RUN) if word != "--device"]
    orders = {
        "network": f"sh {tunnels.NETWORK}",
        "image": f"podman load --quiet --input {IMAGE}",
        "install": [INSTALL],
        "without": shlex.join(word for word in without if "modprobe-ipsec.io" not in word),
        "run": RUN,
        "logs": LOGS,
        "up": "established Child SA",
        "ping": f"ping -c 3 -i 0.2 -W 2 -I {here} {there}",
    }
    result = boot(
        kernel,
        "trixie-libreswan",
        ["python3", "/run-test.py"],
        files={
            "/orders.json": json.dumps(orders).encode(),
            "/run-test.py": SCRIPT.read_bytes(),
            "/src/container/cdi.json": (REPOSITORY / "container/cdi.json").read_bytes(),
            # this side calls
            "/etc/vpn/ipsec.conf": configuration.replace(b"auto=add", b"auto=start"),
            "/etc/vpn/ipsec.secrets": SECRETS,
            "/etc/peer/ipsec.conf": configuration,
            "/etc/peer/secrets": SECRETS,
            "/etc/containers/storage.conf": STORAGE,
            tunnels.NETWORK: tunnels.network().encode(),
            f"{UNITS}/peer.service": PEER.format(unit="", settings=SETTINGS).encode(),
        },
        # the package enables it
        links={f"{UNITS}/ipsec.service": "/dev/null"},
        layers=[podman(kernel), _carried(image("libreswan"))],
        memory=3072,
        timeout=600,
    )
    assert result.status == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    for name in ("network", "image", INSTALL, "removed"):
        assert told[name]["status"] == 0, told[name]
    return told


def _carried(archive: Path) -> Path:
    """The image, as a file of the guest."""

    def build() -> bytes:
        carrier = cpio.Archive()
        carrier.copy(archive, IMAGE)
        return carrier.pack()

    return built("ike.cpio", (Path(__file__), Path(cpio.__file__), archive), build)


def test_the_host_loads_nothing_by_itself(said: dict[str, Any]) -> None:
    assert said["autoload"] == ""
    assert said["before"] == said["still"]
    assert not {"xfrm_user", "esp4", "seqiv"} & set(said["before"])


def test_without_the_device_the_daemon_only_says_that_something_is_not_supported(
    said: dict[str, Any],
) -> None:
    assert "`Protocol not supported`" in README
    assert said["without"]["started"]["status"] == 0, said["without"]
    assert "Protocol not supported" in said["without"]["said"]


def test_where_it_is_forbidden_the_log_of_the_host_names_the_line(said: dict[str, Any]) -> None:
    assert said["forbidden"]["status"] != 0, said["forbidden"]
    # its example, without the container's name and up to its dots
    (example,) = re.findall(r"^modprobe-ipsec-hook: \w+: (.*); \.\.\.$", README, re.MULTILINE)
    assert re.search(rf"\w+: {re.escape(example)}", said["journal"]["said"]), said["journal"]


def test_the_fourth_command_loads_what_is_needed_and_starts_the_daemon(
    said: dict[str, Any],
) -> None:
    assert said["run"]["status"] == 0, said["run"]
    assert {"xfrm_user", "esp4", "seqiv"} <= set(said["loaded"])
    daemon = said["daemon"]
    assert daemon["Name"] == "pluto"
    # NET_BIND_SERVICE and NET_ADMIN
    assert {int(daemon[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")} == {1 << 10 | 1 << 12}
    assert said["tree"]["status"] != 0, said["tree"]


def test_the_tunnel_stands(said: dict[str, Any]) -> None:
    story = f"{said['logs']['said']}\n{said['states']['said']}"
    assert said["peer"]["status"] == 0, said["peer"]
    assert said["logs"]["command"] == LOGS and "established Child SA" in story, story
    assert said["ping"]["status"] == 0, said["ping"]
    states = said["states"]["said"]
    assert states.count("aead rfc4106(gcm(aes))") == 2, story
    # three pings; nothing else is for the tunnel
    used = [int(number) for number in re.findall(r"(\d+)\(bytes\), \d+\(packets\)", states)]
    assert sum(number >= 3 * 84 for number in used) == 2, story


def test_from_inside_all_is_ready(said: dict[str, Any]) -> None:
    inside = said["inside"]
    assert inside["status"] == 0, inside
    assert re.search(r"^  is +podman: ", inside["said"], re.MULTILINE), inside
