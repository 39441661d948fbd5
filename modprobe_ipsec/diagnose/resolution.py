# SPDX-License-Identifier: GPL-3.0-or-later
"""How one request of the kernel stands on a host, and by what evidence: values."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.catalog.obstacles import Symptom
from modprobe_ipsec.diagnose.obstacle import Obstacle
from modprobe_ipsec.diagnose.requests import Requests
from modprobe_ipsec.host.kernel.modprobe_d import LinesAbout


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

# What remains to be done where neither files nor /proc tell.
ASK = Sentence(
    "ask the kernel: --check --prove",
    {"kind": "ask", "command": "modprobe-ipsec --check --prove"},
)


class Autoload(Value):
    """Whether the kernel would load a module by itself when it needs it, and why not."""

    # None: cannot be told.
    works: bool | None
    why: str = ""


class LoadFailure(Value):
    """A load that was tried in this run and did not bring the module."""

    state: ResolutionState
    evidence: str
    remedy: str = ""
    # This process was not allowed to.
    denied: bool = False
    # The kernel did not take the file, as it is.
    of_file: bool = False


class Resolution(Value):
    """How one request stands, and by what evidence."""

    # As the kernel makes it: xfrm-type-2-50, crypto-gcm
    request: str
    state: ResolutionState
    # The module that answers it or would; empty if none is known.
    module: str = ""
    # The evidence in words, with its place, and what would help: `base.text.facts_of` has both in
    # fields.
    evidence: str = ""
    remedy: str = ""
    # Not needed for the answer, only for speed: the CPU's own implementation.
    accelerator: bool = False
    # An accelerator that may not be for this CPU: it is tried, and nothing is slow without it.
    unlikely: bool = False
    # Names that the module is expected to register, once loaded.
    registers: tuple[str, ...] = ()
    # What stands in the way, in the order of a load; the first one decides about the state.
    obstacles: tuple[Obstacle, ...] = ()
    # What the request is for, in words, where it has a name of its own.
    title: str = ""
    # Whether the kernel would load it by itself; only of what is loadable.
    autoload: Autoload | None = None
    # What is seen where it stays without an answer; only of what cannot be had.
    symptom: Symptom | None = None
    # It is a feature of a network card, which no module brings.
    of_card: bool = False
    # It speaks of the daemon's word size where that is not ours, so that no proof of ours tells.
    of_daemon: bool = False
    # Name of the module that answers on kernels so far, and the option that builds it.
    name: str = ""
    option: str = ""
    # Modules that have to be loaded before, in that order: what it cannot do without and is not
    # there yet. libkmod loads them, and then what modules.softdep and modprobe.d add.
    dependencies: tuple[str, ...] = ()
    soft_dependencies: tuple[str, ...] = ()
    # Why we never load it, although it is there: data/never_load.yaml.
    never: str = ""
    # What is to be known of the crypto engine that serves, which we would never load.
    engine: str = ""
    # Its load was tried in this run.
    failure: LoadFailure | None = None

    @property
    def obstacle(self) -> Obstacle | None:
        """The first thing in the way, if one is known."""
        return self.obstacles[0] if self.obstacles else None


class Resolved(Value):
    """All that the kernel may ask for on the way to some needs, and who answers on one host."""

    requests: Requests
    # Names of the crypto API that this kernel asks for, as far as they matter here.
    asked: frozenset[str]
    # Names that are in /proc/crypto already.
    registered: Mapping[str, Resolution]
    # Those of them that the kernel put together from parts: `hmac(sha256-generic)`.
    assembled: frozenset[str]
    # Everybody who answers a request, by its alias; where nobody does, one that says so.
    answers: Mapping[str, tuple[Resolution, ...]]
    # What the network cards say about a feature, by its name; nothing where none can be asked.
    cards: Mapping[str, Resolution]
    # What modprobe.d and its like say about what is not there yet: modules, their dependencies, and
    # the requests that they answer.
    lines: Mapping[str, LinesAbout]
    # Algorithms that FIPS mode may forbid, whoever answers.
    in_fips: Mapping[str, Resolution]
    # The CPU's own implementation that would serve a name better, where it is not live.
    accelerators: Mapping[str, Resolution]
    # Modules, each with a name that it registers and cannot do without another driver of.
    with_fallback: frozenset[tuple[str, str]]
