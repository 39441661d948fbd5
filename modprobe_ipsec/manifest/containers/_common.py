# SPDX-License-Identifier: GPL-3.0-or-later
"""What the formats for system containers share."""

from modprobe_ipsec.manifest.model import HostPlan, PlannedModule
from modprobe_ipsec.manifest.selection import sysctl_notes
from modprobe_ipsec.manifest.words import comment, head, left_out


def heading(plan: HostPlan, modules: tuple[PlannedModule, ...]) -> str:
    """The head of a file, what it leaves out, and what its sysctls are for."""
    return head(plan) + comment([*left_out(plan, modules), *sysctl_notes(plan)])
