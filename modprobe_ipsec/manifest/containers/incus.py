# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile for Incus and LXD.

source: incus doc/config_options.txt
"""

from modprobe_ipsec.manifest.containers._common import heading
from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.selection import sysctl_values, to_load, without_accelerators
from modprobe_ipsec.manifest.words import comment
from modprobe_ipsec.manifest.yaml_text import Plain, dump

_SILENT = (
    "Incus asks modprobe, which is content with `blacklist` and `install ... /bin/true`: the",
    "container then starts without the module. modprobe-ipsec --check on the host tells",
)


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A profile. Incus loads what the key names before it starts the container."""
    modules = without_accelerators(to_load(plan, options))
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
    return (ManifestFile("incus-profile.yaml", heading(plan, modules) + note + dump(document)),)


FORMAT = Format("a profile for Incus and LXD", write, names_only=True)
