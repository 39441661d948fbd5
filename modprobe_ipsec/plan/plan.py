# SPDX-License-Identifier: GPL-3.0-or-later
"""Values: what is to be loaded for some needs, in order, what came of it, how each need stands."""

from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.diagnose.resolution import Resolution
from modprobe_ipsec.needs.need import AnyNeed
from modprobe_ipsec.plan.verdict import Verdict


class Step(Value):
    """One module to load, with what it depends on."""

    module: str
    # What asks for it: xfrm-type-2-50, crypto-aes.
    request: str
    why: str
    # Labels of the needs that it serves.
    needs: tuple[str, ...]
    # Modules that are loaded before because this one cannot do without them, in their order.
    dependencies: tuple[str, ...]
    # The CPU's own implementation: it may fail with ENODEV, and others may do without it.
    accelerator: bool
    # Names that it is expected to register.
    registers: tuple[str, ...] = ()
    # Modules that libkmod loads along, if it can, because modprobe.d or modules.softdep says so.
    soft_dependencies: tuple[str, ...] = ()


class LoadOutcome(StrEnum):
    """What became of one step."""

    LOADED = "loaded"
    # This CPU has not got what the module drives. Normal for an accelerator.
    NO_DEVICE = "no device"
    # It came, and serves nothing that is needed here: an accelerator that is unloaded again.
    IDLE = "serves nothing"
    FAILED = "failed"


class LoadResult(Value):
    """One step, carried out."""

    step: Step
    outcome: LoadOutcome
    # What libkmod returned: 0, an errno, or 0x10000 for a blacklisted module.
    code: int
    # In words, if it failed.
    why: str = ""
    # Modules that were not there before, in the order of the plan.
    loaded: tuple[str, ...] = ()


class Forecast(Value):
    """How a need stands: every request it makes, now, and what is to be expected."""

    need: AnyNeed
    # Now; where loading something settles more than itself, only as far as that.
    resolutions: tuple[Resolution, ...]
    # After every step that could be foreseen.
    foreseen: tuple[Resolution, ...]
    # What is to be expected before anything is tried.
    verdict: Verdict
    # Why no question to the kernel would tell whether a feature works; empty if one does.
    unproven: str = ""
    # What a network card says instead; empty if none is needed or none says that it can.
    card: str = ""


class Plan(Value):
    """The steps of each round and how every need stands.

    The first round is certain. The later ones are what the map expects; they are planned anew from
    what the kernel shows.
    """

    rounds: tuple[tuple[Step, ...], ...]
    forecasts: tuple[Forecast, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps of all rounds."""
        return tuple(step for steps in self.rounds for step in steps)
