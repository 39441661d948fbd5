# SPDX-License-Identifier: GPL-3.0-or-later
"""An IKE daemon in a container of some engine, and its peer: a guest with both, and the verdict."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import tunnels
from .booted import UNITS, boot
from .image import REPOSITORY
from .kernels import Kernel
from .peer import LIBRESWAN_PEER, PEER, STRONGSWAN_CONF, STRONGSWAN_PEER
from .states import algorithms, bytes_of, protocol

KERNEL = "6.12"
TUNNEL = next(tunnel for tunnel in tunnels.TUNNELS if tunnel.name == "gcm")
LIBRESWAN, STRONGSWAN = "trixie-libreswan", "trixie-strongswan"
GUEST = Path(__file__).parents[1] / "guests"
SHIPPED = REPOSITORY / "container"
CDI = "/etc/cdi/modprobe-ipsec-hook.json"
_CONSOLE_LOG = """\
charon-systemd {
  filelog {
    console {
      path = stderr
    }
  }
}
"""
# where the commands of a guest start
_HOME = "/root"
_SECRETS = f': PSK "{tunnels.SECRET}"\n'
_DAEMONS = {
    LIBRESWAN: {
        "image": "Containerfile.libreswan",
        "prepare": "mkdir -p /run/pluto",
        "settle": "ipsec whack --status",
        "up": "timeout 20 ipsec whack --name gcm --initiate",
    },
    STRONGSWAN: {
        "image": "Containerfile.strongswan",
        "prepare": "true",
        "settle": "swanctl --load-all --noprompt",
        "up": "swanctl --initiate --child gcm --timeout 60",
    },
}
OWNED = {LIBRESWAN: ["/var/lib/ipsec"], STRONGSWAN: []}
"""What a daemon must find in its container beside its configuration."""
VOLUMES = {
    LIBRESWAN: ["/etc/vpn/ipsec.conf:/etc/ipsec.conf", "/etc/vpn/secrets:/etc/ipsec.secrets"],
    STRONGSWAN: ["/etc/vpn/swanctl.conf:/etc/swanctl/swanctl.conf"],
}
"""Where its configuration lies on the host, and in its container; first the one of the tunnel."""
_FILES = {
    LIBRESWAN: {
        "/etc/vpn/ipsec.conf": tunnels.ipsec_conf((TUNNEL,)),
        "/etc/vpn/secrets": _SECRETS,
        "/etc/peer/ipsec.conf": tunnels.ipsec_conf((TUNNEL,)),
        "/etc/peer/secrets": _SECRETS,
    },
    STRONGSWAN: {
        "/etc/vpn/swanctl.conf": tunnels.swanctl_conf(0, (TUNNEL,)),
        "/etc/peer/swanctl.conf": tunnels.swanctl_conf(1, (TUNNEL,)),
        "/etc/peer/strongswan.conf": STRONGSWAN_CONF,
        "/etc/strongswan.d/container.conf": _CONSOLE_LOG,
    },
}
_PEERS = {
    LIBRESWAN: LIBRESWAN_PEER.replace(
        "--config /etc/ipsec.conf", "--config /etc/peer/ipsec.conf --secretsfile /etc/peer/secrets"
    ),
    STRONGSWAN: STRONGSWAN_PEER,
}
Said = dict[str, Any]
"""What a guest prints: for each way to prepare a host, what came of it."""


def observe(
    engine: Callable[[Kernel], Path],
    system: str,
    kernel: Kernel,
    *,
    ways: list[str],
    network: str,
    prepare: str = "",
    files: Mapping[str, bytes] | None = None,
    memory: int = 2048,
    **orders: Any,
) -> Said:
    """Boot a guest with an engine, and let guest/ENGINE.py try each of some ways there.

    `network` is a script for the guest that makes the peer, `prepare` the container's own part of
    that; `orders` is what this engine's script wants to know beside what all do.
    """
    here, there = TUNNEL.inner
    daemon = _DAEMONS[system]
    inside = {
        "daemon": _command(daemon["image"]),
        "prepare": " && ".join(filter(None, (daemon["prepare"], prepare))),
        "settle": daemon["settle"],
        "up": daemon["up"],
        "ping": f"ping -c 3 -i 0.2 -W 2 -I {here} {there}",
    }
    said = {
        "network": tunnels.NETWORK,
        "volumes": VOLUMES[system],
        "owned": OWNED[system],
        "ways": ways,
        "inside": inside,
        **orders,
    }
    files = {
        **{path: text.encode() for path, text in _FILES[system].items()},
        "/orders.json": json.dumps(said).encode(),
        **{
            f"{_HOME}/guest/{name}": (GUEST / name).read_bytes()
            for name in ("contained.py", f"{engine.__name__}.py")
        },
        "/inside.py": (GUEST / "inside.py").read_bytes(),
        tunnels.NETWORK: network.encode(),
        f"{UNITS}/peer.service": PEER.format(unit="", settings=_PEERS[system]).encode(),
        **(files or {}),
    }
    # the packages enable them
    links = {f"{UNITS}/{unit}": "/dev/null" for unit in ("ipsec.service", "strongswan.service")}
    result = boot(
        kernel,
        system,
        ["python3", "-m", f"guest.{engine.__name__}"],
        files=files,
        links=links,
        timeout=900,
        memory=memory,
        layers=[engine(kernel)],
    )
    assert result.status == 0, result.stderr
    answer: Said = json.loads(result.stdout)
    return answer


def _command(containerfile: str) -> list[str]:
    """The daemon as one of our images starts it."""
    (words,) = re.findall(r"^CMD (.*)$", (SHIPPED / containerfile).read_text(), re.MULTILINE)
    command: list[str] = json.loads(words)
    return command


def stands(way: Said) -> None:
    """One tunnel, and the pings went through it."""
    story = json.dumps(way, indent=1).replace("\\n", "\n")
    assert way.get("inside"), story
    inside = way["inside"]
    assert inside["settled"] and way["peer"]["status"] == 0, story
    assert (inside["up"]["status"], inside["ping"]["status"]) == (0, 0), story
    states = ["src " + state for state in f"\n{inside['states']}".split("\nsrc ")[1:]]
    assert len(states) == 2, story
    assert {protocol(state) for state in states} == TUNNEL.protocols, story
    assert set().union(*map(algorithms, states)) == TUNNEL.algorithms, story
    # three pings; nothing else is for the tunnel
    assert all(bytes_of(state) >= 3 * 84 for state in states), story
    # NET_BIND_SERVICE and NET_ADMIN, of a container that sees no module
    sets = dict(line.split(":\t") for line in inside["capabilities"])
    assert {int(sets[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")} == {1 << 10 | 1 << 12}
    assert inside["tree"] == [], story
