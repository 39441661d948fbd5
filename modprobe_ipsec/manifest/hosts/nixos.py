# SPDX-License-Identifier: GPL-3.0-or-later
"""A module for NixOS.

source: search.nixos.org options boot.kernelModules, boot.extraModprobeConfig, boot.kernel.sysctl
"""

from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.selection import softdeps, sysctl_notes, sysctl_values, to_load
from modprobe_ipsec.manifest.words import comment, head, left_out


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A NixOS module."""
    modules = to_load(plan, options)
    names = "".join(f' "{module.name}"' for module in modules)
    lines = ["{ ... }:", "{", f"  boot.kernelModules = [{names} ];"]
    if order := softdeps(modules):
        lines.append("  boot.extraModprobeConfig = ''")
        lines += [f"    {line}" for line in order]
        lines.append("  '';")
    lines += [
        f'  boot.kernel.sysctl."{key}" = {value};' for key, value in sysctl_values(plan).items()
    ]
    lines.append("}")
    top = head(plan) + comment([*left_out(plan, modules), *sysctl_notes(plan)])
    return (ManifestFile("ipsec.nix", top + "".join(f"{line}\n" for line in lines)),)


FORMAT = Format("a module for NixOS", write, names_only=True)
