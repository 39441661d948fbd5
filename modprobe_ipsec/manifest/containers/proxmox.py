# SPDX-License-Identifier: GPL-3.0-or-later
"""For Proxmox VE: modules for the host, and lines for a container.

source: pct.conf(5)
"""

from modprobe_ipsec.manifest.containers._common import heading
from modprobe_ipsec.manifest.hosts.systemd import MODULES_LOAD
from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.selection import sysctl_values, to_load, without_accelerators
from modprobe_ipsec.manifest.words import comment


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """Modules for the host, and lines for /etc/pve/lxc/ID.conf."""
    modules = without_accelerators(to_load(plan, options))
    top = heading(plan, modules)
    note = comment(["Append to /etc/pve/lxc/ID.conf; the modules are the host's own business."])
    names = "".join(f"{module.name}\n" for module in modules)
    lines = "".join(f"lxc.sysctl.{key}: {value}\n" for key, value in sysctl_values(plan).items())
    entries = "".join(
        f"lxc.cgroup2.devices.allow: c 10:200 rwm\n"
        f"lxc.mount.entry: {path} {path[1:]} none bind,create=file\n"
        for path in plan.container.devices
    )
    return (
        ManifestFile(MODULES_LOAD, top + names),
        ManifestFile("etc/pve/lxc/append-to-ID.conf", top + note + lines + entries),
    )


FORMAT = Format("lines for a container of Proxmox VE, modules for its host", write, names_only=True)
