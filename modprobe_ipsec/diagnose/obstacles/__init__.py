# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of obstacles: what may stand in the way of a module, found and named.

Each file here is an obstacle, or a family of kinds that share their evidence: its `CHECK` names the
kinds, the stage of a load at which they are met, and how they are found. To add one takes that
file, the reader of its fact in host/ and a recorded host; see docs/adding-one.md.
"""

from modprobe_ipsec.base import registry
from modprobe_ipsec.base.annotations import Callable, Iterable, Mapping, Sequence
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.diagnose.obstacle import Obstacle, ObstacleKind
from modprobe_ipsec.diagnose.packages import Packages
from modprobe_ipsec.diagnose.resolution import Resolution, ResolutionState
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.kernel.modprobe_d import LinesAbout


class Stage(StrEnum):
    """When on the way of a load something is met that stands in it; in this order."""

    # Before anything is loaded: whether the kernel gives the algorithm out at all.
    REQUEST = "request"
    # Whether such code was built for this kernel.
    BUILD = "build"
    # What libkmod reads first: its index, ...
    INDEX = "index"
    # ... and what the admin says, in modprobe.d and on the kernel command line.
    LINES = "lines"
    # The module's file.
    FILE = "file"
    # What the kernel refuses.
    KERNEL = "kernel"


class Subject(Value):
    """One resolution that something may be in the way of."""

    resolution: Resolution
    # Its module and those that it depends on, as far as they are not there yet; the module first.
    names: tuple[str, ...]
    # Set instead of a module: an algorithm that is looked up by its name.
    algorithm: str
    # y, m or n: how the kernel's configuration builds what would answer; empty if that is unknown.
    built: str

    @property
    def name(self) -> str:
        """The module that answers or, if none is known, its name on kernels so far."""
        return self.resolution.module or self.resolution.name


class Scene(Value):
    """All that may be looked at for evidence, and for what helps."""

    facts: Facts
    catalog: Catalog
    packages: Packages
    # What modprobe.d and its like say, by module or request.
    lines: Mapping[str, LinesAbout]
    # Of the kernel, (major, minor); (0, 0) if unknown.
    version: tuple[int, int]
    # This kernel was built without module support.
    no_modules: bool


Found = Iterable[tuple[Subject, Obstacle]]


class ObstacleCheck(Value):
    """What one file of this directory looks for."""

    # The kinds that it can find, each in one file only.
    kinds: tuple[ObstacleKind, ...]
    stage: Stage
    # What it is asked about: what is loadable but for obstacles, what nobody answers, ...
    states: frozenset[ResolutionState]
    # Everything in the way of each of these subjects, with its evidence.
    find: Callable[[Sequence[Subject], Scene], Found]
    # It also knows why a module did not come that was tried in this run.
    after_failure: bool = False


def checks() -> tuple[ObstacleCheck, ...]:
    """The check of each file here, in the order of a load."""
    files = [registry.load(__name__, name) for name in registry.names(__path__)]
    found: list[ObstacleCheck] = [file.CHECK for file in files]
    order = list(Stage)
    return tuple(sorted(found, key=lambda check: order.index(check.stage)))


def kinds() -> dict[str, ObstacleKind]:
    """Every kind of obstacle by its name."""
    return {kind.name: kind for check in checks() for kind in check.kinds}
