# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of one module on one host: the kinds of it, its evidence, what helps."""

from modprobe_ipsec.base.value import Value
from modprobe_ipsec.host.facts import Rule


class ObstacleKind(Value):
    """What it is that stands in the way."""

    # As reports and host plans name it.
    name: str
    # Somebody or something forbids it, as against: it is not there, or is of no use.
    forbids: bool = False


class Obstacle(Value):
    """One thing in the way, with its evidence and what would remove it."""

    kind: ObstacleKind
    # What it keeps out: the module asked for, or one that it cannot do without.
    module: str
    # The evidence with its place: `/etc/modprobe.d/x.conf:3: install esp4 /bin/false`
    text: str
    remedy: str
    # What it does that is not obvious.
    means: str = ""
    # Vulnerabilities that such a line was shipped against: `Dirty Frag (CVE-2026-43284)`
    against: tuple[str, ...] = ()
    rule: Rule | None = None
    # False: what it speaks of may be there all the same.
    sure: bool = True
    # Where it is not sure, the kernel's own answer would tell.
    ask: bool = False
