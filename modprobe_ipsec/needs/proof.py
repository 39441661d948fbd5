# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's own answer to a need, as values."""

from modprobe_ipsec.base.annotations import Any, Mapping
from modprobe_ipsec.base.text import strerror
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.needs.need import AnyNeed


class Answer(StrEnum):
    """What came of a question to the kernel."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    # Or asked, but the kernel did not come to the point: no permission, no memory, no time.
    NOT_ASKED = "not asked"


class PacketStep(Value):
    """One claim about packets through an SA, and whether it came true."""

    # round trip, replay, ...
    name: str
    held: bool
    # What was seen.
    seen: str


class Proof(Value):
    """What the kernel answered to one security association made as the need wants it."""

    need: AnyNeed
    answer: Answer
    # Positive, as in errno.h; 0 if there was none.
    errno: int = 0
    # The kernel's extended-ack text; empty where it has none (up to 5.10).
    message: str = ""
    # What serves it: seqiv(rfc4106-gcm-aesni); empty and None if unknown or not accepted.
    driver: str = ""
    priority: int | None = None
    # NOT_ASKED: why not. REFUSED without errno: how the kernel's SA differs from what was asked.
    why: str = ""
    # What packets through it did, where they were asked for; a failed one is the last.
    steps: tuple[PacketStep, ...] = ()

    def told(self) -> dict[str, Any]:
        """What was found out, by name and in plain types, for another process."""
        steps = [step._asdict() for step in self.steps]
        said = {**self._asdict(), "answer": self.answer.value, "steps": steps}
        del said["need"]
        return said


def proof_told(need: AnyNeed, said: Mapping[str, Any]) -> Proof:
    """The proof of a need from what `Proof.told` gave."""
    steps = tuple(PacketStep(**step) for step in said["steps"])
    return Proof(need=need, **{**said, "answer": Answer(said["answer"]), "steps": steps})


class Proofs(Value):
    """All answers, in the order of the needs, and what asking did to the machine."""

    proofs: tuple[Proof, ...]
    # Modules that came meanwhile (the kernel loads by itself what it misses), in that order.
    loaded: tuple[str, ...] = ()
    # Whether a NETLINK_XFRM socket could be opened; None if nobody tried.
    socket: bool | None = None
    socket_errno: int = 0

    @property
    def socket_in_words(self) -> str:
        """`can be opened`, or why not; empty if nobody tried."""
        if self.socket is None:
            return ""
        return "can be opened" if self.socket else f"none: {strerror(self.socket_errno)}"
