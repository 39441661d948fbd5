# SPDX-License-Identifier: GPL-3.0-or-later
"""The child's part of proving with packets: as `kernel.ask`, and then packets through each SA."""

from modprobe_ipsec.base.annotations import Sequence
from modprobe_ipsec.base.value import once
from modprobe_ipsec.catalog.model import KernelInterface
from modprobe_ipsec.kernel import ask as by_sas
from modprobe_ipsec.kernel.ask import Fields
from modprobe_ipsec.kernel.child import Send
from modprobe_ipsec.lab.proof import PacketProof
from modprobe_ipsec.needs.need import AnyNeed, Need
from modprobe_ipsec.needs.proof import Answer


def ask(needs: Sequence[AnyNeed], numbers: Sequence[int], send: Send) -> None:
    """Ask for the needs with these numbers, and tell what came as `kernel.ask.ask` does."""
    proof = once(PacketProof)

    def enter() -> None:
        proof()

    def more(need: AnyNeed, fields: Fields) -> Fields:
        # PF_KEY makes the same SAs
        if not isinstance(need, Need) or need.interface is not KernelInterface.XFRM:
            return fields
        return _with_packets(fields, proof(), need) if fields[0] is Answer.ACCEPTED else fields

    by_sas.ask(needs, numbers, send, enter=enter, more=more)


def _with_packets(fields: Fields, proof: PacketProof, need: Need) -> Fields:
    steps = proof.steps(need)
    if not steps[-1].held:
        why = f"{steps[-1].name}: {steps[-1].seen}"
        fields = (Answer.REFUSED, *fields[1:-1], f"the SA is taken, but packets fail at {why}")
    return (*fields, steps)
