# SPDX-License-Identifier: GPL-3.0-or-later
"""The host plan as YAML: what a container hands to its host."""

from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.words import head
from modprobe_ipsec.manifest.write import plain
from modprobe_ipsec.manifest.yaml_text import dump

_HINT = """\
# On the host: `modprobe-ipsec --check --apply FILE` checks it, `modprobe-ipsec --apply FILE` loads
# and proves it, `modprobe-ipsec --manifest FORMAT --apply FILE` writes it for the host's own tools.
"""


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """The plan, with comments for people."""
    return (ManifestFile("host-plan.yaml", head(plan) + _HINT + dump(plain(plan))),)


FORMAT = Format("the host plan itself, for --apply and --against", write)
