# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel of 64 bits that takes no messages from a daemon that has 32.

source: net/xfrm/xfrm_user.c xfrm_user_rcv_msg, in_compat_syscall()
"""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.catalog.model import COMPAT
from modprobe_ipsec.diagnose.obstacle import Obstacle, ObstacleKind, kernel_with
from modprobe_ipsec.diagnose.obstacles import ObstacleCheck, Scene, Stage, Subject
from modprobe_ipsec.diagnose.resolution import ResolutionState

WORD_SIZE = ObstacleKind("word size")


def _find(subjects: Sequence[Subject], scene: Scene) -> Iterator[tuple[Subject, Obstacle]]:
    facts = scene.facts
    for subject in subjects:
        resolution = subject.resolution
        sure = resolution.state is ResolutionState.ABSENT or subject.built == "n"
        if resolution.request != COMPAT or not sure:
            continue
        option = resolution.option
        why = resolution.evidence
        if subject.built == "n" and facts.config:
            why = f"/{facts.config.path}: CONFIG_{option} is not set"
        kernel = kernel_with(f"CONFIG_{option}") if option else Sentence("another kernel")
        yield (
            subject,
            Obstacle(
                kind=WORD_SIZE,
                module=subject.name,
                text="this kernel has 64 bits and takes no XFRM messages from 32-bit programs, of "
                f"which the IKE daemon is one ({why})",
                remedy=Sentence(f"a 64-bit IKE daemon, or {kernel}", *kernel.facts),
            ),
        )


CHECK = ObstacleCheck(
    kinds=(WORD_SIZE,),
    # before all that explains why a module is not there
    stage=Stage.REQUEST,
    states=frozenset({ResolutionState.ABSENT, ResolutionState.UNKNOWN}),
    find=_find,
)
