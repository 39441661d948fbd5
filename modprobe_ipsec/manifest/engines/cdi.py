# SPDX-License-Identifier: GPL-3.0-or-later
"""A CDI device that loads the modules before a container starts, for Docker and Podman.

source: cncf-tags/container-device-interface SPEC.md
"""

import json

from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.selection import load_arguments, nothing_to_load, to_load
from modprobe_ipsec.manifest.words import LOAD_SCRIPT, NAME, clean, made_by
from modprobe_ipsec.manifest.yaml_text import Plain

KIND = "modprobe-ipsec.io/host"
DEVICE = f"{KIND}=modules"
ENVIRONMENT = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A device that loads the modules before the container starts, or does not let it start."""
    modules = to_load(plan, options)
    if not modules:
        raise nothing_to_load(plan, options)
    hook: dict[str, Plain] = {
        "hookName": "createRuntime",
        "path": "/bin/sh",
        "args": ["sh", "-c", LOAD_SCRIPT, NAME, *load_arguments(modules)],
        # no place for a comment in JSON
        "env": [ENVIRONMENT, f"MADE={clean(made_by(plan))}"],
        "timeout": 30,
    }
    document: dict[str, Plain] = {
        "cdiVersion": "0.5.0",
        "kind": KIND,
        "devices": [{"name": "modules", "containerEdits": {"hooks": [hook]}}],
    }
    return (ManifestFile(f"etc/cdi/{NAME}.json", json.dumps(document, indent=2) + "\n"),)


FORMAT = Format(
    "a CDI device that loads before the container starts, or keeps it from starting",
    write,
    "It loads modules and does nothing else.",
    names_only=True,
)
