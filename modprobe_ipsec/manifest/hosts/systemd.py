# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle for a host that runs systemd: what is loaded, in which order, before whom, sysctls.

source: modules-load.d(5), modprobe.d(5), sysctl.d(5), systemd.exec(5)
"""

from modprobe_ipsec.base.annotations import Iterable
from modprobe_ipsec.manifest.handover import yaml
from modprobe_ipsec.manifest.model import (
    Format,
    HostPlan,
    ManifestFile,
    ManifestOptions,
    PlannedModule,
    Where,
)
from modprobe_ipsec.manifest.selection import softdeps, sysctl_values, to_load
from modprobe_ipsec.manifest.words import (
    DAEMON_UNITS,
    ENGINE_UNITS,
    MODPROBE,
    NAME,
    PLAN_PATH,
    UNIT,
    comment,
    head,
    left_out,
)

MODULES_LOAD = f"etc/modules-load.d/{NAME}.conf"
MODPROBE_D = f"etc/modprobe.d/{NAME}.conf"
SYSCTL_D = f"etc/sysctl.d/60-{NAME}.conf"
UNIT_PATH = f"etc/systemd/system/{UNIT}"
# Modules that one line of a unit loads.
_AT_ONCE = 5
# Where `make install` puts it.
TOOL = "/usr/local/sbin/modprobe-ipsec"


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """The bundle. Where names of modules cannot be told, the host's own modprobe-ipsec does."""
    modules = to_load(plan, options, speed=True)
    files = [ManifestFile(MODULES_LOAD, _modules_load(plan, modules))]
    if order := softdeps(modules):
        files.append(ManifestFile(MODPROBE_D, head(plan) + "".join(f"{line}\n" for line in order)))
    files.append(ManifestFile(SYSCTL_D, _sysctl_d(plan)))
    if all(module.name for module in modules):
        if modules:
            files.append(ManifestFile(UNIT_PATH, _unit(plan, loads(modules), "@module")))
        return tuple(files)
    ask = [f"ExecStart={TOOL} --apply /{PLAN_PATH}"]
    files.append(ManifestFile(PLAN_PATH, yaml.write(plan, options)[0].text))
    files.append(ManifestFile(UNIT_PATH, _unit(plan, ask, "")))
    return tuple(files)


def loads(modules: Iterable[PlannedModule]) -> list[str]:
    """Lines of a unit that load in this order, and then believe only what the kernel shows.

    modprobe exits with 0 where a blacklist or `install NAME /bin/true` kept something out.
    """
    modules = tuple(modules)
    names = [module.name for module in modules]
    lines = [
        f"ExecStart=-{MODPROBE} -a -b {' '.join(names[start : start + _AT_ONCE])}"
        for start in range(0, len(names), _AT_ONCE)
    ]
    lines += [
        f"ExecStart=/usr/bin/test -d /sys/module/{m.name}" for m in modules if not m.accelerator
    ]
    return lines


def has_unit(files: Iterable[ManifestFile]) -> bool:
    """Whether a bundle has a unit, which is to be started."""
    return any(file.path.endswith(f"/{UNIT}") for file in files)


def _modules_load(plan: HostPlan, modules: tuple[PlannedModule, ...]) -> str:
    lines = [head(plan), comment(left_out(plan, modules))]
    for module in modules:
        if module.name:
            lines += [comment([module.why]), f"{module.name}\n"]
        else:
            lines.append(comment([f"{module.request}: {UNIT} asks the host what answers it"]))
    return "".join(lines)


def _sysctl_d(plan: HostPlan) -> str:
    lines = [head(plan)]
    values = sysctl_values(plan)
    for sysctl in plan.sysctls:
        lines.append(comment([sysctl.why]))
        setting = f"{'-' if sysctl.optional else ''}{sysctl.key} = {sysctl.value}"
        if sysctl.key not in values:
            lines.append(comment([setting]))
        elif sysctl.where is Where.CONTAINER:
            lines.append(comment(["only where the container has the host's own network:"]))
            lines.append(comment([setting]))
        else:
            lines.append(f"{setting}\n")
    return "".join(lines)


def _unit(plan: HostPlan, commands: Iterable[str], filters: str) -> str:
    sandbox = _LOADS_ONLY if filters else _LOADS_AND_PROVES
    return (
        head(plan)
        + _UNIT.format(daemons=" ".join(DAEMON_UNITS), engines=" ".join(ENGINE_UNITS))
        + "".join(f"{line}\n" for line in commands)
        + sandbox
        + _INSTALL
    )


_UNIT = """\
[Unit]
Description=Kernel modules for IPsec in containers
DefaultDependencies=no
Conflicts=shutdown.target
After=systemd-modules-load.service local-fs.target
Before=sysinit.target shutdown.target
Before={daemons}
Before={engines}
ConditionCapability=CAP_SYS_MODULE

[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutStartSec=60
"""

# No ProtectKernelModules=yes: it takes away the capability that this is all about.
_LOADS_ONLY = """\
CapabilityBoundingSet=CAP_SYS_MODULE
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateNetwork=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=none
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service @module
SystemCallErrorNumber=EPERM
UMask=0077
"""

# modprobe-ipsec proves with SAs in a network namespace of its own.
_LOADS_AND_PROVES = """\
CapabilityBoundingSet=CAP_SYS_MODULE CAP_NET_ADMIN CAP_SYS_ADMIN
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_NETLINK AF_KEY
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
UMask=0077
"""

_INSTALL = """
[Install]
WantedBy=sysinit.target
"""

FORMAT = Format("files for a host that runs systemd, and a unit that loads", write)
