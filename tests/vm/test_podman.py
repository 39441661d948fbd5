# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon in a container of Podman brings a tunnel up once its host has done what it is told."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from . import tunnels
from .booted import UNITS, boot
from .image import REPOSITORY
from .kernels import Kernel
from .podman import podman
from .systems import systems
from .test_daemons import (
    LIBRESWAN_PEER,
    PEER,
    STRONGSWAN_CONF,
    STRONGSWAN_PEER,
    _algorithms,
    _bytes,
    _protocol,
)

pytestmark = pytest.mark.vm

KERNEL = "6.12"
GCM = tuple(tunnel for tunnel in tunnels.TUNNELS if tunnel.name == "gcm")
SYSTEMS = ("trixie-libreswan", "trixie-strongswan")
GUEST = Path(__file__).with_name("guest")
CONSOLE_LOG = """\
charon-systemd {
  filelog {
    console {
      path = stderr
    }
  }
}
"""
SECRETS = f': PSK "{tunnels.SECRET}"\n'
DAEMONS = {
    "trixie-libreswan": {
        "daemon": ["/usr/libexec/ipsec/pluto", "--config", "/etc/ipsec.conf", "--nofork"],
        "log": ["--stderrlog"],
        "prepare": "mkdir /run/pluto",
        "owned": ["/var/lib/ipsec"],
        "settle": "ipsec whack --status",
        "up": "ipsec whack --name gcm --initiate",
        "volumes": ["/etc/vpn/ipsec.conf:/etc/ipsec.conf", "/etc/vpn/secrets:/etc/ipsec.secrets"],
        "config": "/etc/ipsec.conf",
    },
    "trixie-strongswan": {
        "daemon": ["/usr/sbin/charon-systemd"],
        "log": [],
        "prepare": "true",
        "owned": [],
        "settle": "swanctl --load-all --noprompt",
        "up": "swanctl --initiate --child gcm --timeout 60",
        "volumes": ["/etc/vpn/swanctl.conf:/etc/swanctl/swanctl.conf"],
        "config": "/etc/swanctl/swanctl.conf",
    },
}
FILES = {
    "trixie-libreswan": {
        "/etc/vpn/ipsec.conf": tunnels.ipsec_conf(GCM),
        "/etc/vpn/secrets": SECRETS,
        "/etc/peer/ipsec.conf": tunnels.ipsec_conf(GCM),
        "/etc/peer/secrets": SECRETS,
    },
    "trixie-strongswan": {
        "/etc/vpn/swanctl.conf": tunnels.swanctl_conf(0, GCM),
        "/etc/peer/swanctl.conf": tunnels.swanctl_conf(1, GCM),
        "/etc/peer/strongswan.conf": STRONGSWAN_CONF,
        "/etc/strongswan.d/container.conf": CONSOLE_LOG,
    },
}
PEERS = {
    "trixie-libreswan": LIBRESWAN_PEER.replace(
        "--config /etc/ipsec.conf", "--config /etc/peer/ipsec.conf --secretsfile /etc/peer/secrets"
    ),
    "trixie-strongswan": STRONGSWAN_PEER,
}
WAYS = ("bundle", "apply", "hook by CDI", "hook by annotation", "run flags", "quadlet", "DaemonSet")
MAPPED = {"trixie-libreswan": "rootless", "trixie-strongswan": "mapped"}
"""A user namespace takes long to set up; each of both kinds is tried with one daemon."""
Said = dict[str, Any]


def _observe(system: str, kernel: Kernel) -> Said:
    daemon = DAEMONS[system]
    here, there = GCM[0].inner
    orders = {
        "network": tunnels.NETWORK,
        "volumes": daemon["volumes"],
        "annotation": f"io.modprobe-ipsec.config={daemon['config']}",
        "owned": daemon["owned"],
        "ways": ["without", *WAYS, "forbidden", MAPPED[system]],
        "inside": {
            "daemon": [*daemon["daemon"], *daemon["log"]],
            "prepare": daemon["prepare"],
            "settle": daemon["settle"],
            "up": daemon["up"],
            "ping": f"ping -c 3 -i 0.2 -W 2 -I {here} {there}",
        },
    }
    shipped = REPOSITORY / "container"
    files = {
        **{path: text.encode() for path, text in FILES[system].items()},
        "/orders.json": json.dumps(orders).encode(),
        "/run-test.py": (GUEST / "podman.py").read_bytes(),
        "/inside.py": (GUEST / "inside.py").read_bytes(),
        tunnels.NETWORK: tunnels.network("here").encode(),
        f"{UNITS}/peer.service": PEER.format(unit="", settings=PEERS[system]).encode(),
        "/etc/cdi/modprobe-ipsec-hook.json": (shipped / "cdi.json").read_bytes(),
        "/usr/share/containers/oci/hooks.d/modprobe-ipsec.json": (
            shipped / "hooks.d.json"
        ).read_bytes(),
    }
    # the packages enable them
    links = {f"{UNITS}/{unit}": "/dev/null" for unit in ("ipsec.service", "strongswan.service")}
    result = boot(
        kernel,
        system,
        ["python3", "/run-test.py"],
        files=files,
        links=links,
        timeout=900,
        memory=2048,
        layers=[podman(kernel)],
    )
    assert result.status == 0, result.stderr
    said: Said = json.loads(result.stdout)
    return said


@pytest.fixture(scope="module")
def told(
    request: pytest.FixtureRequest, kernel_named: Callable[[str], Kernel]
) -> Iterator[Callable[[str], Said]]:
    """`_observe`; the guests of all chosen tests start with the first call."""
    chosen = [item.nodeid for item in request.session.items if "test_podman.py" in item.nodeid]
    wanted = [name for name in SYSTEMS if any(name in each for each in chosen)]
    kernel = kernel_named(KERNEL)
    podman(kernel)
    systems(SYSTEMS)
    futures: dict[str, Future[Said]] = {}
    with ThreadPoolExecutor(len(SYSTEMS)) as pool:

        def said(system: str) -> Said:
            for each in dict.fromkeys((system, *wanted)):
                if each not in futures:
                    futures[each] = pool.submit(_observe, each, kernel)
            return futures[system].result()

        yield said
        pool.shutdown(cancel_futures=True)


on_both = pytest.mark.parametrize("system", SYSTEMS)


def _stands(way: Said) -> None:
    """One tunnel, and the pings went through it."""
    story = json.dumps(way, indent=1).replace("\\n", "\n")
    assert way.get("inside"), story
    inside = way["inside"]
    assert inside["settled"] and way["peer"]["status"] == 0, story
    assert (inside["up"]["status"], inside["ping"]["status"]) == (0, 0), story
    states = ["src " + state for state in f"\n{inside['states']}".split("\nsrc ")[1:]]
    assert len(states) == 2, story
    assert {_protocol(state) for state in states} == GCM[0].protocols, story
    assert set().union(*map(_algorithms, states)) == GCM[0].algorithms, story
    # three pings; nothing else is for the tunnel
    assert all(_bytes(state) >= 3 * 84 for state in states), story
    # NET_BIND_SERVICE and NET_ADMIN, of a container that sees no module
    sets = dict(line.split(":\t") for line in inside["capabilities"])
    assert {int(sets[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")} == {1 << 10 | 1 << 12}
    assert inside["tree"] == [], story


@on_both
def test_without_the_host_there_is_no_tunnel_and_the_cause_is_named(
    system: str, told: Callable[[str], Said]
) -> None:
    said = told(system)
    way = said["without"]
    assert said["baseline"]["autoload"] == "/bin/false"
    assert not {"xfrm_user", "esp4", "seqiv"} & set(said["baseline"]["modules"])
    assert way["loaded"] == []
    inside = way["inside"]
    assert not inside["settled"] or inside["up"]["status"], inside
    assert "src " not in inside.get("states", ""), inside
    assert "Protocol not supported" in inside["log"], inside["log"]
    report = json.loads(way["check"]["stdout"])
    container = report["container"]
    assert way["check"]["status"] == 2 and container["kind"] == "podman"
    assert container["autoload"] == {"works": False, "why": "kernel.modprobe is /bin/false"}
    assert {"net-pf-16-proto-6", "xfrm-type-2-50", "crypto-seqiv"} <= set(container["preload"])
    assert container["lacks"] == []
    texts = [reason["text"] for need in report["needs"] for reason in need["reasons"]]
    assert any("no XFRM netlink interface: xfrm_user is missing" in text for text in texts), texts


@on_both
def test_the_first_program_says_what_the_host_must_do_and_does_not_start_the_daemon(
    system: str, told: Callable[[str], Said]
) -> None:
    init = told(system)["without"]["init"]
    assert init["status"] == 2 and "started" not in init["stdout"]
    assert "kernel.modprobe is /bin/false. load what is listed" in init["stderr"].replace("\n", " ")
    assert "xfrm-type-2-50" in init["stderr"]


@on_both
@pytest.mark.parametrize("name", WAYS)
def test_after_the_host_did_its_part_the_tunnel_stands(
    system: str, name: str, told: Callable[[str], Said]
) -> None:
    way = told(system)[name]
    _stands(way)
    assert {"esp4", "xfrm_user", "seqiv"} <= set(way["loaded"])


@on_both
def test_a_line_of_the_administrator_keeps_the_container_from_starting(
    system: str, told: Callable[[str], Said]
) -> None:
    way = told(system)["forbidden"]
    cause = "esp4 is blocked by /etc/modprobe.d/dirtyfrag.conf:2: install esp4 /bin/false"
    for name in ("silent", "hook"):
        assert way[name]["status"] and "started" not in way[name]["stdout"]
    (line,) = way["hook"]["line"].splitlines()
    assert line.startswith("modprobe-ipsec-hook: ") and cause in line and "CVE-2026-43284" in line
    assert way["apply"]["status"] == 2 and cause in way["apply"]["stdout"]
    assert "esp4" not in way["loaded"]


@on_both
def test_a_user_namespace_has_its_tunnel_too_once_the_host_did_its_part(
    system: str, told: Callable[[str], Said]
) -> None:
    way = told(system)[MAPPED[system]]
    before, after = (json.loads(way[check]["stdout"]) for check in ("check", "checked"))
    assert before["exit_code"] == 2 and before["container"]["user_namespace"] is True
    assert before["container"]["preload"]
    assert after["exit_code"] == 0, after
    assert after["container"]["rootless"] is (MAPPED[system] == "rootless")
    assert any("net.core.xfrm_*" in lack["what"] for lack in after["container"]["lacks"])
    assert way["inside"]["namespace"][:2] != ["0", "0"]
    _stands(way)


def test_a_hook_of_an_engine_that_runs_as_root_loads_for_mapped_ids(
    told: Callable[[str], Said],
) -> None:
    way = told("trixie-strongswan")["mapped"]
    assert (way["hook"]["status"], way["hook"]["stdout"]) == (0, "started\n"), way["hook"]
    assert "esp4" in way["left"]


def test_a_hook_of_a_rootless_engine_loads_nothing_and_says_so(
    told: Callable[[str], Said],
) -> None:
    way = told("trixie-libreswan")["rootless"]
    assert way["hook"]["status"] and "started" not in way["hook"]["stdout"]
    assert "this hook runs without CAP_SYS_MODULE" in way["hook"]["line"], way["hook"]
    assert way["left"] == []
