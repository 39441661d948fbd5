# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches for Talos.

source: talos.dev reference/configuration
"""

from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.selection import sysctl_notes, sysctl_values
from modprobe_ipsec.manifest.words import comment, head
from modprobe_ipsec.manifest.yaml_text import Plain, dump

# source: siderolabs/pkgs kernel/build/config-amd64
_TALOS = (
    "Talos has XFRM, ESP and AH built in, so that no module is to be loaded;",
    "it has neither XFRM interfaces nor PF_KEY.",
)


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """Two patches of the same content: machine.sysctls went away with Talos 1.14."""
    values: dict[str, Plain] = {**sysctl_values(plan)}
    top = head(plan) + comment([*_TALOS, *sysctl_notes(plan)])
    old: dict[str, Plain] = {"machine": {"sysctls": values}}
    new: dict[str, Plain] = {"apiVersion": "v1alpha1", "kind": "SysctlConfig", "params": values}
    return (
        ManifestFile("talos-up-to-1.13.yaml", top + dump(old)),
        ManifestFile("talos-from-1.14.yaml", top + dump(new)),
    )


FORMAT = Format("patches for Talos", write, "It sets sysctls only: Talos has nothing to load.")
