# SPDX-License-Identifier: GPL-3.0-or-later
"""The host plan: all that a host must do for an IKE daemon that cannot load modules itself."""

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.diagnose.obstacles import kinds
from modprobe_ipsec.diagnose.resolution import SERVED, ResolutionState
from modprobe_ipsec.needs.need import AnyNeed
from modprobe_ipsec.plan.verdict import Verdict

# Of the file: raised whenever a key changes its meaning, goes away, or must not be overlooked.
# 2 has `accelerator` for `faster`, and `forwards` and `offered`.
VERSION = 2

# Why the kernel does not load by itself what a daemon asks for.
AUTOLOAD_OFF = "autoload off"
BLOCKER_KINDS = frozenset((*kinds(), AUTOLOAD_OFF))


class Provenance(Value):
    """What a plan was made by and from. For people; nothing is decided by it."""

    # modprobe-ipsec 0.1
    tool: str
    # Release of the kernel that was looked at, and its machine as uname has it.
    kernel: str
    arch: str
    # The tree that was looked at: / or that of an image.
    root: str
    # By what evidence it was a container: podman, docker, user namespace; empty if it was not.
    container: str
    # The configurations that were read; empty for a command line or a daemon's own defaults.
    configs: tuple[str, ...]


class PlannedNeed(Value):
    """One need, and how it stood where the plan was made."""

    need: AnyNeed
    verdict: Verdict


class PlannedModule(Value):
    """One module, or one request that a module answers whose name cannot be told from here."""

    # Canonical name; empty where no module directory is visible, and for built-in code without one.
    name: str
    # As the kernel makes it: xfrm-type-2-50, crypto-gcm
    request: str
    state: ResolutionState
    # Whether the kernel loads it by itself when asked; None if that cannot be told.
    autoload: bool | None
    # What it is for, in words.
    why: str
    # Names of the plan's modules that must be loaded before it.
    after: tuple[str, ...] = ()
    # The CPU's own implementation: another CPU refuses it, and everything works without it.
    accelerator: bool = False

    @property
    def label(self) -> str:
        """Its name or, without one, its request."""
        return self.name or self.request

    @property
    def must_come(self) -> bool:
        """Whether somebody has to load it at each boot: neither built in nor known to autoload."""
        there = self.state in (
            ResolutionState.LIVE,
            ResolutionState.LOADABLE,
            ResolutionState.UNKNOWN,
        )
        return there and self.autoload is not True


class Where(StrEnum):
    """Whose setting a sysctl is."""

    HOST = "host"
    CONTAINER = "container"


class Sysctl(Value):
    """A sysctl that the daemon, or what it does, wants."""

    key: str
    value: str
    where: Where
    # It works without.
    optional: bool
    # Does not exist in a network namespace that a user namespace other than the first one owns.
    hidden_in_userns: bool
    why: str


class ContainerRights(Value):
    """What the daemon's container needs besides modules."""

    # Without CAP_: NET_ADMIN
    capabilities: tuple[str, ...]
    # /dev/net/tun
    devices: tuple[str, ...]
    # 500/udp
    ports: tuple[str, ...]


class Blocker(Value):
    """Something in the way, that only the host's administrator may take away."""

    # One of BLOCKER_KINDS.
    kind: str
    # What it keeps out; empty if it is not about one module.
    module: str
    # The evidence with its place: `/etc/modprobe.d/x.conf:3: install esp4 /bin/false`
    text: str
    remedy: str


class HostPlan(Value):
    """The whole plan. `modules` are in the order in which they are to be loaded."""

    made: Provenance
    needs: tuple[PlannedNeed, ...]
    modules: tuple[PlannedModule, ...]
    sysctls: tuple[Sysctl, ...]
    container: ContainerRights
    blockers: tuple[Blocker, ...]

    @property
    def unmet(self) -> tuple[PlannedNeed, ...]:
        """Needs that no load can meet as things stand."""
        unmet = (Verdict.BLOCKED, Verdict.MISSING)
        return tuple(planned for planned in self.needs if planned.verdict in unmet)


# States that a load or a reboot changes and that come to the same: it can be had.
HAVE = SERVED | {ResolutionState.LOADABLE}


class ManifestFile(Value):
    """One file of a manifest."""

    # Relative: etc/modules-load.d/modprobe-ipsec.conf
    path: str
    text: str
    mode: int = 0o644


class ManifestOptions(Value):
    """What a writer is told besides the plan."""

    # Also write out what is expected to come by itself.
    preload: bool = False


class Format(Value):
    """One format of `--manifest`. A file registers it by holding it under the name FORMAT."""

    # One line for the help and the manual page: a noun, no full stop.
    summary: str
    # Makes its files. Raises UsageError where it cannot say what a plan does.
    write: Callable[[HostPlan, ManifestOptions], tuple[ManifestFile, ...]]
    # What it cannot say, as a sentence for the manual page; empty if it can say all.
    cannot_say: str = ""
    # Whether it knows modules by their names alone, which not every plan can tell.
    names_only: bool = False
