# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a need, with its evidence and what to do: values."""

from modprobe_ipsec.base.annotations import Iterable, assert_never
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.catalog.obstacles import Symptom
from modprobe_ipsec.diagnose.obstacle import Obstacle
from modprobe_ipsec.diagnose.resolution import Resolution
from modprobe_ipsec.needs.need import AnyNeed
from modprobe_ipsec.needs.proof import Proof


class Verdict(StrEnum):
    """What we say about a need. The worst comes first."""

    BLOCKED = "blocked"
    MISSING = "missing"
    UNKNOWN = "unknown"
    LOADABLE = "loadable"
    SLOW = "slow"
    READY = "ready"

    @property
    def exit_code(self) -> int:
        """0 ready, 1 not yet, 2 cannot be met, 3 cannot tell."""
        match self:
            case Verdict.READY:
                return 0
            case Verdict.SLOW | Verdict.LOADABLE:
                return 1
            case Verdict.BLOCKED | Verdict.MISSING:
                return 2
            case Verdict.UNKNOWN:
                return 3
            case _:
                assert_never(self)


class Reason(Value):
    """One thing that makes a verdict what it is, and what would change it."""

    text: str
    remedy: str = ""
    obstacle: Obstacle | None = None
    # What the kernel would answer, and the daemons write, because of it.
    symptom: Symptom | None = None


class NeedVerdict(Value):
    """The verdict on one need."""

    need: AnyNeed
    verdict: Verdict
    reasons: tuple[Reason, ...]
    proof: Proof | None
    resolutions: tuple[Resolution, ...]


def exit_code(verdicts: Iterable[NeedVerdict]) -> int:
    """The worst of all: what cannot be met, then what is unknown, then what is not yet."""
    codes = {each.verdict.exit_code for each in verdicts}
    return next((code for code in (2, 3, 1) if code in codes), 0)
