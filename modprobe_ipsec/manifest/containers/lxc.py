# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines for a container's configuration of LXC.

source: lxc.container.conf(5)
"""

from modprobe_ipsec.manifest.containers._common import heading
from modprobe_ipsec.manifest.model import (
    Format,
    HostPlan,
    ManifestFile,
    ManifestOptions,
    PlannedModule,
)
from modprobe_ipsec.manifest.selection import sysctl_values, to_load, without_accelerators
from modprobe_ipsec.manifest.words import MODPROBE


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """Lines for a container's configuration."""
    modules = without_accelerators(to_load(plan, options))
    return (ManifestFile("lxc.conf", heading(plan, modules) + _lxc(plan, modules)),)


def _lxc(plan: HostPlan, modules: tuple[PlannedModule, ...]) -> str:
    lines = []
    if modules:
        # version 0, the default, adds words of its own to the command
        lines.append("lxc.hook.version = 1")
        names = " ".join(module.name for module in modules)
        lines.append(f"lxc.hook.pre-start = {MODPROBE} -a -b {names}")
        lines += [f"lxc.hook.pre-start = /usr/bin/test -d /sys/module/{m.name}" for m in modules]
    lines += [f"lxc.sysctl.{key} = {value}" for key, value in sysctl_values(plan).items()]
    for path in plan.container.devices:
        lines.append("lxc.cgroup2.devices.allow = c 10:200 rwm")
        lines.append(f"lxc.mount.entry = {path} {path[1:]} none bind,create=file 0 0")
    return "".join(f"{line}\n" for line in lines)


FORMAT = Format("lines for the configuration of an LXC container", write, names_only=True)
