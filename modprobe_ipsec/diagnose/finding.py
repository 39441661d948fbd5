# SPDX-License-Identifier: GPL-3.0-or-later
"""How one request of the kernel stands on a host, and by what evidence."""

from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.catalog.obstacles import Symptom
from modprobe_ipsec.diagnose.obstacles import FORBIDS, Autoload, Obstacle
from modprobe_ipsec.host.facts import Algorithm


class ResolutionState(StrEnum):
    """How what a request needs stands on this host."""

    BUILTIN = "builtin"
    LIVE = "live"
    LOADABLE = "loadable"
    BLOCKED = "blocked"
    ABSENT = "absent"
    UNKNOWN = "unknown"


SERVED = frozenset({ResolutionState.BUILTIN, ResolutionState.LIVE})
LACKING = frozenset({ResolutionState.BLOCKED, ResolutionState.ABSENT, ResolutionState.UNKNOWN})


class Resolution(Value):
    """How one request stands, and by what evidence."""

    # As the kernel makes it: xfrm-type-2-50, crypto-gcm
    request: str
    state: ResolutionState
    # The module that answers it or would; empty if none is known.
    module: str = ""
    # The evidence in words, with its place.
    evidence: str = ""
    remedy: str = ""
    # Not needed for the answer, only for speed: the CPU's own implementation.
    accelerator: bool = False
    # Names that the module is expected to register, once loaded.
    brings: tuple[str, ...] = ()
    # What stands in the way, if that is known.
    obstacle: Obstacle | None = None
    # What the request is for, in words, where it has a name of its own.
    title: str = ""
    # Whether the kernel would load it by itself; only of what is loadable.
    autoload: Autoload | None = None
    # What is seen where it stays without an answer; only of what cannot be had.
    symptom: Symptom | None = None
    # It is a feature of a network card, which no module brings.
    of_card: bool = False


class LoadFailure(Value):
    """A load that was tried in this run and did not bring the module."""

    state: ResolutionState
    evidence: str
    remedy: str = ""
    # This process was not allowed to.
    denied: bool = False
    # The kernel did not take the file, as it is.
    of_file: bool = False


def blocked(alias: str, module: str, obstacle: Obstacle, *, unknown: bool = False) -> Resolution:
    """What cannot be had because of an obstacle; `unknown` where it may be there all the same."""
    state = ResolutionState.BLOCKED if obstacle.kind in FORBIDS else ResolutionState.ABSENT
    state = ResolutionState.UNKNOWN if unknown or not obstacle.sure else state
    return Resolution(alias, state, module, obstacle.text, obstacle.remedy, obstacle=obstacle)


def registered(algorithm: Algorithm) -> Resolution:
    """What is in /proc/crypto."""
    state = ResolutionState.BUILTIN if algorithm.module == "kernel" else ResolutionState.LIVE
    module = "" if algorithm.module == "kernel" else algorithm.module
    because = f"/proc/crypto: {algorithm.driver}, priority {algorithm.priority}"
    return Resolution(f"crypto-{algorithm.name}", state, module, because)
