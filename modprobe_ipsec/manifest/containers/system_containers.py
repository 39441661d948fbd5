# SPDX-License-Identifier: GPL-3.0-or-later
"""For Incus and LXD, LXC, and Proxmox VE.

source: incus doc/config_options.txt, lxc.container.conf(5), pct.conf(5)
"""

from modprobe_ipsec.manifest.hosts.systemd import MODULES_LOAD, sysctl_values
from modprobe_ipsec.manifest.model import HostPlan, ManifestFile, ManifestOptions, PlannedModule
from modprobe_ipsec.manifest.plain_yaml import Plain, dump
from modprobe_ipsec.manifest.words import MODPROBE, comment, head, left_out, named

_SILENT = (
    "Incus asks modprobe, which is content with `blacklist` and `install ... /bin/true`: the",
    "container then starts without the module. modprobe-ipsec --check on the host tells",
)


def incus(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A profile. Incus loads what the key names before it starts the container."""
    modules = _needed(plan, "incus", options)
    config: dict[str, Plain] = {}
    if modules:
        config["linux.kernel_modules"] = ",".join(module.name for module in modules)
    config |= {f"linux.sysctl.{key}": value for key, value in sysctl_values(plan).items()}
    devices: dict[str, Plain] = {}
    for path in plan.container.devices:
        devices[path.rpartition("/")[2]] = {"type": "unix-char", "path": path}
    document: dict[str, Plain] = {
        "description": "IKE daemon",
        "config": config,
        "devices": devices,
    }
    note = comment(
        ["incus profile create ipsec <FILE; incus profile add CONTAINER ipsec", *_SILENT]
    )
    return (ManifestFile("incus-profile.yaml", _top(plan, modules) + note + dump(document)),)


def lxc(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """Lines for a container's configuration."""
    modules = _needed(plan, "lxc", options)
    return (ManifestFile("lxc.conf", _top(plan, modules) + _lxc(plan, modules)),)


def proxmox(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """Modules for the host, and lines for /etc/pve/lxc/ID.conf."""
    modules = _needed(plan, "proxmox", options)
    top = _top(plan, modules)
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


def _needed(plan: HostPlan, format: str, options: ManifestOptions) -> tuple[PlannedModule, ...]:
    """Without the CPU's own code: a load that fails keeps the container from starting."""
    modules = named(plan, options, format)
    return tuple(module for module in modules if not module.accelerator)


def _top(plan: HostPlan, modules: tuple[PlannedModule, ...]) -> str:
    return head(plan) + comment(left_out(plan, modules))
