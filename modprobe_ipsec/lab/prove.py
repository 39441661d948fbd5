# SPDX-License-Identifier: GPL-3.0-or-later
"""The child's part of proving with packets: as `kernel.ask`, and then packets through each SA."""

from modprobe_ipsec.base.annotations import Sequence
from modprobe_ipsec.base.value import once
from modprobe_ipsec.catalog.model import KernelInterface
from modprobe_ipsec.kernel import ask as by_sas
from modprobe_ipsec.kernel.child import Send
from modprobe_ipsec.lab.proof import PacketProof
from modprobe_ipsec.needs.need import AnyNeed, Need
from modprobe_ipsec.needs.proof import Answer, Proof


def ask(needs: Sequence[AnyNeed], numbers: Sequence[int], send: Send) -> None:
    """Ask for the needs with these numbers, and tell what came as `kernel.ask.ask` does."""
    packets = once(PacketProof)

    def enter() -> None:
        packets()

    def more(proof: Proof) -> Proof:
        need = proof.need
        # PF_KEY makes the same SAs
        if not isinstance(need, Need) or need.interface is not KernelInterface.XFRM:
            return proof
        return _with_packets(proof, packets(), need) if proof.answer is Answer.ACCEPTED else proof

    by_sas.ask(needs, numbers, send, enter=enter, more=more)


def _with_packets(proof: Proof, packets: PacketProof, need: Need) -> Proof:
    steps = packets.steps(need)
    if steps[-1].held:
        return proof._replace(steps=steps)
    why = f"the SA is taken, but packets fail at {steps[-1].name}: {steps[-1].seen}"
    return proof._replace(answer=Answer.REFUSED, why=why, steps=steps)
