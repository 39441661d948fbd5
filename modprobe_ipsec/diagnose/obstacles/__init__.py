# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of one module on one host: the kinds of it, its evidence, what helps."""

from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.host.facts import Rule


class ObstacleKind(StrEnum):
    """What it is that stands in the way."""

    INSTALL = "install"
    BLACKLIST = "blacklist"
    ALIAS = "alias"
    MODULE_BLACKLIST = "module_blacklist"
    INITCALL_BLACKLIST = "initcall_blacklist"
    MODULES_DISABLED = "modules_disabled"
    SIGNATURE = "signature"
    FIPS = "fips"
    NO_TREE = "no module tree"
    NO_INDEX = "no module index"
    NO_FILE = "no module file"
    BROKEN_FILE = "broken module file"
    OTHER_KERNEL = "module of another kernel"
    NOT_BUILT = "not built"
    OTHER_PACKAGE = "in another package"
    NO_MODULE_SUPPORT = "no module support"


# Somebody or something forbids it, as against: it is not there, or is of no use.
FORBIDS = frozenset(
    {
        ObstacleKind.INSTALL,
        ObstacleKind.BLACKLIST,
        ObstacleKind.ALIAS,
        ObstacleKind.MODULE_BLACKLIST,
        ObstacleKind.INITCALL_BLACKLIST,
        ObstacleKind.MODULES_DISABLED,
        ObstacleKind.SIGNATURE,
        ObstacleKind.FIPS,
    }
)


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
    # The holes in the kernel that such a line was shipped against: `Dirty Frag (CVE-2026-43284)`
    against: tuple[str, ...] = ()
    rule: Rule | None = None
    # False: what it speaks of may be there all the same.
    sure: bool = True


class Autoload(Value):
    """Whether the kernel would load a module by itself when it needs it, and why not."""

    # None: cannot be told.
    works: bool | None
    why: str = ""
