# SPDX-License-Identifier: GPL-3.0-or-later
"""A Containerfile for an image that hosts boot (bootc), with the bundle for systemd.

source: Containerfile(5), bootc.dev building/guidance
"""

from modprobe_ipsec.manifest.hosts import systemd
from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.words import UNIT, head

# Where an image of a distribution keeps what an administrator has in /etc.
_VENDOR = {
    "etc/modules-load.d/": "usr/lib/modules-load.d/",
    "etc/modprobe.d/": "usr/lib/modprobe.d/",
    "etc/sysctl.d/": "usr/lib/sysctl.d/",
    "etc/systemd/system/": "usr/lib/systemd/system/",
}


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A layer for an image that hosts boot (bootc), with the files beside it."""
    files = tuple(file._replace(path=_vendor(file.path)) for file in systemd.write(plan, options))
    lines = ["ARG BASE\n", "FROM ${BASE}\n"]
    lines += [f"COPY {file.path} /{file.path}\n" for file in files]
    if systemd.has_unit(files):
        lines.append(f"RUN systemctl enable {UNIT}\n")
    build = "# Build it with the image that the hosts boot: podman build --build-arg BASE=IMAGE .\n"
    return (ManifestFile("Containerfile", head(plan) + build + "".join(lines)), *files)


def _vendor(path: str) -> str:
    for place, vendor in _VENDOR.items():
        if path.startswith(place):
            return vendor + path.removeprefix(place)
    return path


FORMAT = Format("a Containerfile for images that hosts boot", write)
