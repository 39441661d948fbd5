# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a need, with its evidence and what to do: values."""

from modprobe_ipsec.base.annotations import Iterable, Sequence, assert_never
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


class Form(StrEnum):
    """Sentences that are said of modules or requests, so that several needs can share one."""

    NOT_LOADED = "not loaded"
    CANNOT_TELL = "cannot tell"
    KEPT_OUT = "kept out"
    SLOWER = "slower"
    # The kernel's answer: it says nothing of a cause.
    ANSWER = "answer"
    # Nothing of the kind: the sentence is about one thing.
    WHOLE = "whole"

    def of(self, about: Sequence[str], rest: str) -> str:
        """The sentence about some modules or requests."""
        names = ", ".join(about)
        be = "is" if len(about) == 1 else "are"
        match self:
            case Form.NOT_LOADED:
                return f"not loaded: {names}" + (f"; {rest}" if rest else "")
            case Form.CANNOT_TELL:
                return f"cannot tell about {names}: {rest}"
            case Form.KEPT_OUT:
                return f"{names} {be} blocked by {rest}"
            case Form.SLOWER:
                return f"slower driver{'s' * (len(about) > 1)}: {names} {be} not loaded"
            case Form.ANSWER | Form.WHOLE:
                return rest
            case _:
                assert_never(self)


class Reason(Value):
    """One thing that makes a verdict what it is, and what would change it."""

    text: str
    remedy: str = ""
    obstacle: Obstacle | None = None
    # What the kernel would answer, and the daemons write, because of it.
    symptom: Symptom | None = None
    # `text` taken apart: what it is about, and what it says of that.
    form: Form = Form.WHOLE
    about: tuple[str, ...] = ()
    rest: str = ""
    # The kernel option that would help: CONFIG_INET_ESP
    option: str = ""


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
