# SPDX-License-Identifier: GPL-3.0-or-later
"""For Ignition (Fedora CoreOS, Flatcar), which only carries the bundle for systemd.

source: coreos.github.io/ignition/configuration-v3_3
"""

import json
from urllib.parse import quote

from modprobe_ipsec.manifest.hosts import systemd
from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.words import NAME, UNIT
from modprobe_ipsec.manifest.yaml_text import Plain

# Read by every current Fedora CoreOS and Flatcar.
VERSION = "3.3.0"


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A configuration for Ignition. It has no place for comments; the files in it have theirs."""
    return (
        ManifestFile(f"{NAME}.ign", json.dumps(document(plan, options, VERSION), indent=2) + "\n"),
    )


def document(plan: HostPlan, options: ManifestOptions, version: str) -> dict[str, Plain]:
    """The configuration in a version of Ignition's specification."""
    files = systemd.write(plan, options)
    storage: list[Plain] = [
        {
            "path": f"/{file.path}",
            "mode": file.mode,
            "overwrite": True,
            "contents": {"source": f"data:,{quote(file.text)}"},
        }
        for file in files
        if file.path != systemd.UNIT_PATH
    ]
    units: list[Plain] = [
        {"name": UNIT, "enabled": True, "contents": file.text}
        for file in files
        if file.path == systemd.UNIT_PATH
    ]
    found: dict[str, Plain] = {"ignition": {"version": version}, "storage": {"files": storage}}
    return found | ({"systemd": {"units": units}} if units else {})


FORMAT = Format("a configuration for Ignition 3.3", write)
