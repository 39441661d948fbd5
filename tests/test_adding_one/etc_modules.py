# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines for /etc/modules, which Debian's initramfs-tools and kmod's own init script read.

source: modules(5)
"""

from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.selection import to_load
from modprobe_ipsec.manifest.words import comment, head, left_out


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """One name a line."""
    modules = to_load(plan, options, speed=True)
    top = head(plan) + comment(left_out(plan, modules))
    text = top + "".join(f"{module.name}\n" for module in modules)
    return (ManifestFile("etc/modules", text),)


FORMAT = Format("lines for /etc/modules", write, "It knows no sysctls.", names_only=True)
