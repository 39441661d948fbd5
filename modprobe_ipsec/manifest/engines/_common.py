# SPDX-License-Identifier: GPL-3.0-or-later
"""What the formats for the daemon's container share."""

from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.manifest.engines.cdi import DEVICE
from modprobe_ipsec.manifest.model import HostPlan, ManifestOptions
from modprobe_ipsec.manifest.selection import sysctl_notes, to_load
from modprobe_ipsec.manifest.words import IMAGE, comment, head, left_out

_FORCED = (daemon.force_udp for daemon in DAEMONS.values() if daemon.force_udp)
_NAT = (
    "ESP itself cannot be published: without the host's own network, or one that carries ESP,",
    f"let the daemon force UDP encapsulation ({', '.join(_FORCED)})",
    "With the host's own network leave ports and sysctls out: engines refuse them there, and",
    "--manifest systemd sets the sysctls on the host",
)


def published(port: str) -> str:
    """`500/udp` as the same port outside: `500:500/udp`."""
    return f"{port.partition('/')[0]}:{port}"


def heading(plan: HostPlan, options: ManifestOptions, how: str = "") -> str:
    """The head of a file about the daemon's container, which loads nothing itself."""
    modules = [m.label for m in to_load(plan, options)]
    lines = [f"{IMAGE} stands for the daemon's own image."]
    if modules:
        lines.append(f"The host must load: {' '.join(modules)}")
        lines.append(how or f"{DEVICE} does that: --manifest cdi; so does --manifest systemd")
    lines += [*_NAT, *sysctl_notes(plan)]
    return head(plan) + comment([*left_out(plan, to_load(plan, options)), *lines])
