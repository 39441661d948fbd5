# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags for Docker and Podman, which have the same.

source: docker-run(1), podman-run(1)
"""

from modprobe_ipsec.manifest.engines._common import heading, published
from modprobe_ipsec.manifest.engines.cdi import DEVICE
from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.selection import sysctl_values, to_load
from modprobe_ipsec.manifest.words import IMAGE, comment, told_in_a_container


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """Flags for `docker run` and `podman run`, which have the same."""
    words = ["--cap-drop ALL"]
    words += [f"--cap-add {capability}" for capability in plan.container.capabilities]
    words.append("--security-opt no-new-privileges")
    words += [f"--device {device}" for device in plan.container.devices]
    words += [f"-p {published(port)}" for port in plan.container.ports]
    words += [f"--sysctl {key}={value}" for key, value in sysctl_values(plan).items()]
    if to_load(plan, options):
        words.append(f"--device {DEVICE}")
    lines = " \\\n    ".join(["docker run -d", *words, IMAGE])
    notes = heading(plan, options) + comment(told_in_a_container(plan))
    script = f"#!/bin/sh\n{notes}set -eu\n{lines}\n"
    return (ManifestFile("docker-run.sh", script, mode=0o755),)


FORMAT = Format("flags for docker run and podman run", write)
