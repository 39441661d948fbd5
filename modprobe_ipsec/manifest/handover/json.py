# SPDX-License-Identifier: GPL-3.0-or-later
"""The host plan as JSON, which `--apply` reads as well."""

import json

from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.write import plain


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """The plan and nothing beside it."""
    return (ManifestFile("host-plan.json", json.dumps(plain(plan), indent=2) + "\n"),)


FORMAT = Format("the same as JSON", write, "It has no comments: blockers stand in it as data.")
