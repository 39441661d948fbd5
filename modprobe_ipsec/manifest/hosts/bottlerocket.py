# SPDX-License-Identifier: GPL-3.0-or-later
"""User data for Bottlerocket.

source: bottlerocket.dev settings/kernel
"""

from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.selection import sysctl_notes, sysctl_values, to_load
from modprobe_ipsec.manifest.words import comment, head, left_out


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """User data."""
    lines = []
    modules = to_load(plan, options)
    for module in modules:
        lines += [f"[settings.kernel.modules.{module.name}]", "allowed = true", "autoload = true"]
        lines.append("")
    if values := sysctl_values(plan):
        lines.append("[settings.kernel.sysctl]")
        lines += [f'"{key}" = "{value}"' for key, value in values.items()]
    top = head(plan) + comment([*left_out(plan, modules), *sysctl_notes(plan)])
    return (ManifestFile("user-data.toml", top + "".join(f"{line}\n" for line in lines)),)


FORMAT = Format(
    "user data for Bottlerocket", write, "It knows no order of modules.", names_only=True
)
