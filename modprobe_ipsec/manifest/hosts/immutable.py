# SPDX-License-Identifier: GPL-3.0-or-later
"""For hosts whose kernel and files come in one piece: Talos, Bottlerocket, NixOS.

source: talos.dev reference/configuration, bottlerocket.dev settings/kernel, NixOS options
"""

from modprobe_ipsec.manifest.hosts.systemd import softdeps, sysctl_values
from modprobe_ipsec.manifest.model import HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.plain_yaml import Plain, dump
from modprobe_ipsec.manifest.words import comment, head, left_out, named

# source: siderolabs/pkgs kernel/build/config-amd64
_TALOS = (
    "Talos has XFRM, ESP and AH built in, so that no module is to be loaded;",
    "it has neither XFRM interfaces nor PF_KEY.",
)


def talos(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """Two patches of the same content: machine.sysctls went away with Talos 1.14."""
    values: dict[str, Plain] = {**sysctl_values(plan)}
    top = head(plan) + comment(_TALOS)
    old: dict[str, Plain] = {"machine": {"sysctls": values}}
    new: dict[str, Plain] = {"apiVersion": "v1alpha1", "kind": "SysctlConfig", "params": values}
    return (
        ManifestFile("talos-up-to-1.13.yaml", top + dump(old)),
        ManifestFile("talos-from-1.14.yaml", top + dump(new)),
    )


def bottlerocket(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """User data."""
    lines = []
    modules = named(plan, options, "bottlerocket")
    for module in modules:
        lines += [f"[settings.kernel.modules.{module.name}]", "allowed = true", "autoload = true"]
        lines.append("")
    if values := sysctl_values(plan):
        lines.append("[settings.kernel.sysctl]")
        lines += [f'"{key}" = "{value}"' for key, value in values.items()]
    top = head(plan) + comment(left_out(plan, modules))
    return (ManifestFile("user-data.toml", top + "".join(f"{line}\n" for line in lines)),)


def nixos(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A NixOS module."""
    modules = named(plan, options, "nixos")
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
    top = head(plan) + comment(left_out(plan, modules))
    return (ManifestFile("ipsec.nix", top + "".join(f"{line}\n" for line in lines)),)
