# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the kernel: one throw-away SA for each need, in a throw-away network namespace."""

import errno

from modprobe_ipsec.base.annotations import Callable, Sequence
from modprobe_ipsec.kernel import child
from modprobe_ipsec.kernel.features import askable, goes_by_pf_key
from modprobe_ipsec.kernel.loaded import come, live
from modprobe_ipsec.kernel.module_events import ModuleEvents
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed
from modprobe_ipsec.needs.proof import Answer, Proof, Proofs, proof_told
from modprobe_ipsec.plan.meaning import NO_SOCKET

# Gets the number of answers so far and that of all.
Progress = Callable[[int, int], None]
# What the child does: gets the needs, the numbers of those to ask for, and how to say what came.
Ask = Callable[[Sequence[AnyNeed], Sequence[int], child.Send], None]


def prove(
    needs: Sequence[AnyNeed],
    *,
    on_progress: Progress | None = None,
    timeout: float = 20,
    ask: Ask | None = None,
    hear: Callable[[child.Message], None] | None = None,
) -> Proofs:
    """Return the kernel's answer to each need, in the same order.

    Everything happens in a child process with a network namespace of its own, and ends with it;
    `timeout` (seconds) is for each answer; `ask` does the child's part in another way than by an
    SA a need, and `hear` gets whatever else it says. What stays: modules that the kernel loaded by
    itself.
    Raises nothing on its own account; what cannot be asked is NOT_ASKED.
    """
    possible = [number for number, need in enumerate(needs) if _askable(need)]
    conversation = _Conversation(needs, len(possible), on_progress, hear)
    with ModuleEvents() as events:
        before = live()
        if possible:
            ending = child.run(
                lambda send: _in_child(ask, needs, possible, send),
                conversation.hear,
                timeout,
                codec=child.in_marshal(),
            )
            who = "the kernel" if ending.late else "the process that asks"
            conversation.why = conversation.why or (ending.why and f"{who} {ending.why}")
        return conversation.result(come(events, before))


def _askable(need: AnyNeed) -> bool:
    return askable(need) if isinstance(need, FeatureNeed) else not _impossible(need)


def _impossible(need: AnyNeed) -> str:
    """Why no kernel can meet a need; empty if one can."""
    if isinstance(need, FeatureNeed):
        return ""
    return "; ".join(why for _, why in need.impossible)


class _Conversation:
    """What the child has said so far."""

    def __init__(
        self,
        needs: Sequence[AnyNeed],
        total: int,
        on_progress: Progress | None,
        hear_more: Callable[[child.Message], None] | None,
    ) -> None:
        self.needs, self.total, self.on_progress = needs, total, on_progress
        self.hear_more = hear_more
        self.proofs: dict[int, Proof] = {}
        self.socket_errno: int | None = None
        self.why = ""

    def hear(self, message: child.Message) -> None:
        match message:
            case {"socket": number}:
                self.socket_errno = number
            case {"need": number, "proof": said}:
                self.proofs[number] = proof_told(self.needs[number], said)
                if self.on_progress:
                    self.on_progress(len(self.proofs), self.total)
            case {"stop": why}:
                self.why = why
            case _ if self.hear_more:
                self.hear_more(message)

    def result(self, loaded: tuple[str, ...]) -> Proofs:
        proofs = tuple(
            self.proofs.get(number) or self._unanswered(need)
            for number, need in enumerate(self.needs)
        )
        opened = None if self.socket_errno is None else self.socket_errno == 0
        return Proofs(proofs, loaded, opened, self.socket_errno or 0)

    def _unanswered(self, need: AnyNeed) -> Proof:
        if impossible := _impossible(need):
            return Proof(need, Answer.NOT_ASKED, why=f"no kernel can: {impossible}")
        if not _askable(need):
            return Proof(need, Answer.NOT_ASKED)
        # Only this errno is the kernel's; others come from a sandbox around us.
        if self.socket_errno == errno.EPROTONOSUPPORT and not goes_by_pf_key(need):
            return Proof(need, Answer.REFUSED, errno.EPROTONOSUPPORT, NO_SOCKET)
        return Proof(need, Answer.NOT_ASKED, self.socket_errno or 0, why=self.why)


def _in_child(
    ask: Ask | None, needs: Sequence[AnyNeed], numbers: Sequence[int], send: child.Send
) -> None:
    try:
        if ask is None:
            # Costs time: only who asks pays for it.
            from modprobe_ipsec.kernel.ask import ask as with_an_sa_each

            ask = with_an_sa_each
        ask(needs, numbers, send)
    except Exception as error:
        send({"stop": f"the process that asks failed: {type(error).__name__}: {error}"})
