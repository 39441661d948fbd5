# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel that loads nothing more until it is booted again."""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.diagnose.obstacle import Obstacle, ObstacleKind
from modprobe_ipsec.diagnose.obstacles import ObstacleCheck, Scene, Stage, Subject
from modprobe_ipsec.diagnose.resolution import ResolutionState

_BEFORE_THE_SEAL = Sentence(
    "reboot, and run modprobe-ipsec before kernel.modules_disabled is set "
    "(see /etc/sysctl.conf and /etc/sysctl.d)",
    {"kind": "reboot"},
    {"kind": "load", "command": "modprobe-ipsec"},
)
MODULES_DISABLED = ObstacleKind("modules_disabled", forbids=True)


def _find(subjects: Sequence[Subject], scene: Scene) -> Iterator[tuple[Subject, Obstacle]]:
    for subject in subjects if scene.facts.modules_disabled else ():
        if subject.names:
            yield (
                subject,
                Obstacle(
                    kind=MODULES_DISABLED,
                    module=subject.name,
                    text="kernel.modules_disabled = 1: no module until reboot",
                    remedy=_BEFORE_THE_SEAL,
                ),
            )


CHECK = ObstacleCheck(
    kinds=(MODULES_DISABLED,),
    stage=Stage.KERNEL,
    states=frozenset({ResolutionState.LOADABLE}),
    find=_find,
)
