# SPDX-License-Identifier: GPL-3.0-or-later
"""What came while SAs were made may serve the next one, so that those are proven again."""

from collections.abc import Sequence

from modprobe_ipsec.commands.engine import proven
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed
from modprobe_ipsec.needs.proof import Answer, Proof, Proofs
from tests.facts import CBC, GCM

FEATURE = FeatureNeed("xfrm_interface", None)
NEEDS: tuple[AnyNeed, ...] = (GCM, CBC, FEATURE)


class Kernel:
    """Answers a list of proofs after the other, and remembers what it was asked for."""

    def __init__(self, *answers: Proofs) -> None:
        self.answers, self.asked = list(answers), list[tuple[AnyNeed, ...]]()

    def __call__(self, needs: Sequence[AnyNeed]) -> Proofs:
        self.asked.append(tuple(needs))
        return self.answers.pop(0)


def accepted(need: AnyNeed, driver: str = "") -> Proof:
    return Proof(need, Answer.ACCEPTED, driver=driver)


FIRST = (accepted(GCM, "generic"), Proof(CBC, Answer.REFUSED, 38), accepted(FEATURE))


def test_once_is_enough_where_nothing_came() -> None:
    kernel = Kernel(Proofs(FIRST))
    assert proven(NEEDS, kernel) == Proofs(FIRST)
    assert kernel.asked == [NEEDS]


def test_again_where_modules_came() -> None:
    kernel = Kernel(Proofs(FIRST, ("ghash_x",), True), Proofs((accepted(GCM, "fast"),), ("ctr_x",)))
    found = proven(NEEDS, kernel)
    # of what was refused, and of a feature, no driver is told
    assert kernel.asked == [NEEDS, (GCM,)]
    assert found.proofs == (accepted(GCM, "fast"), *FIRST[1:])
    assert (found.loaded, found.socket) == (("ghash_x", "ctr_x"), True)


def test_again_where_no_driver_was_seen() -> None:
    proofs = (accepted(GCM), accepted(CBC, "cbc"), accepted(FEATURE))
    kernel = Kernel(Proofs(proofs), Proofs((accepted(GCM),)))
    assert proven(NEEDS, kernel).proofs == proofs
    # once more, and not for ever
    assert kernel.asked == [NEEDS, (GCM,)]
