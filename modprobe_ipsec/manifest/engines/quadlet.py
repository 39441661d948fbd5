# SPDX-License-Identifier: GPL-3.0-or-later
"""A unit for Podman's Quadlet.

source: podman-systemd.unit(5)
"""

from modprobe_ipsec.manifest.engines._common import heading, published
from modprobe_ipsec.manifest.engines.cdi import DEVICE
from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.selection import sysctl_values, to_load
from modprobe_ipsec.manifest.words import IMAGE, UNIT


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A unit for Podman's Quadlet."""
    container = plan.container
    modules = to_load(plan, options)
    lines = ["[Unit]", "Description=IKE daemon"]
    if modules:
        lines += [f"Requires={UNIT}", f"After={UNIT}"]
    lines += ["", "[Container]", f"Image={IMAGE}", "DropCapability=all"]
    lines += [f"AddCapability={' '.join(container.capabilities)}", "NoNewPrivileges=true"]
    lines += [f"AddDevice={device}" for device in container.devices]
    lines += [f"PublishPort={published(port)}" for port in container.ports]
    lines += [f"Sysctl={key}={value}" for key, value in sysctl_values(plan).items()]
    lines += ["", "[Install]", "WantedBy=multi-user.target"]
    how = f"{UNIT} is in --manifest systemd; or, instead of it: AddDevice={DEVICE}"
    text = heading(plan, options, how) + "".join(f"{line}\n" for line in lines)
    return (ManifestFile("etc/containers/systemd/ike.container", text),)


FORMAT = Format("a unit for Quadlet", write)
