# SPDX-License-Identifier: GPL-3.0-or-later
"""LoadPin lets modules in from the file system only from which the first one came."""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.diagnose.obstacle import Obstacle, ObstacleKind
from modprobe_ipsec.diagnose.obstacles import ObstacleCheck, Scene, Stage, Subject
from modprobe_ipsec.diagnose.resolution import ResolutionState

LOADPIN = ObstacleKind("loadpin", forbids=True)


def _find(subjects: Sequence[Subject], scene: Scene) -> Iterator[tuple[Subject, Obstacle]]:
    if not scene.facts.more("loadpin"):
        return
    for subject in subjects:
        yield (
            subject,
            Obstacle(
                kind=LOADPIN,
                module=subject.name,
                text="kernel.loadpin.enforce = 1: modules come from one file system only",
                remedy="use the image's own modules",
                # whether it is that file system only a load tells
                sure=False,
                ask=True,
            ),
        )


CHECK = ObstacleCheck(
    kinds=(LOADPIN,),
    stage=Stage.KERNEL,
    states=frozenset({ResolutionState.LOADABLE}),
    find=_find,
)
