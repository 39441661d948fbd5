# SPDX-License-Identifier: GPL-3.0-or-later
"""A module without a signature, on a kernel that insists on one."""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.diagnose.obstacle import Obstacle, ObstacleKind
from modprobe_ipsec.diagnose.obstacles import ObstacleCheck, Scene, Stage, Subject
from modprobe_ipsec.diagnose.resolution import ResolutionState

_SIGNED = Sentence(
    "use the distribution's own module, or sign this one with a key that the kernel knows",
    {"kind": "sign"},
)
SIGNATURE = ObstacleKind("signature", forbids=True)


def _find(subjects: Sequence[Subject], scene: Scene) -> Iterator[tuple[Subject, Obstacle]]:
    files = scene.facts.module_files
    for subject in subjects:
        for name in subject.names:
            file = files.get(name)
            if file and file.signed is False and not file.broken and (who := _who(scene)):
                yield (
                    subject,
                    Obstacle(
                        kind=SIGNATURE,
                        module=name,
                        text=f"{who}: {file.path} has no signature",
                        remedy=_SIGNED,
                    ),
                )


def _who(scene: Scene) -> str:
    around = scene.facts.environment()
    if around.lockdown in ("integrity", "confidentiality"):
        return f"lockdown ({around.lockdown})"
    return "module.sig_enforce" if around.sig_enforce else ""


CHECK = ObstacleCheck(
    kinds=(SIGNATURE,),
    stage=Stage.KERNEL,
    states=frozenset({ResolutionState.LOADABLE}),
    find=_find,
)
