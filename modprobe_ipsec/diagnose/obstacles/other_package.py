# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that was built for this kernel and lies in a package that is not installed."""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.diagnose.obstacle import Obstacle, ObstacleKind
from modprobe_ipsec.diagnose.obstacles import ObstacleCheck, Scene, Stage, Subject
from modprobe_ipsec.diagnose.resolution import ResolutionState

OTHER_PACKAGE = ObstacleKind("in another package")


def _find(subjects: Sequence[Subject], scene: Scene) -> Iterator[tuple[Subject, Obstacle]]:
    facts, packages = scene.facts, scene.packages
    for subject in subjects:
        name, request = subject.name, subject.resolution.request
        install = packages.single(name)
        if subject.built == "m" and facts.config:
            option = f"CONFIG_{subject.resolution.option}"
            yield (
                subject,
                Obstacle(
                    kind=OTHER_PACKAGE,
                    module=name,
                    text=f"/{facts.config.path}: {option}=m, and the module directory "
                    f"has no {name}",
                    remedy=install
                    or packages.others
                    or Sentence(
                        "install the package of this kernel's modules that has it",
                        {"kind": "install", "module": name},
                    ),
                ),
            )
        elif not subject.built and install:
            yield (
                subject,
                Obstacle(
                    kind=OTHER_PACKAGE,
                    module=name,
                    text=f"nothing of {facts.release} answers {request}",
                    remedy=install,
                    sure=facts.config is not None,
                ),
            )


CHECK = ObstacleCheck(
    kinds=(OTHER_PACKAGE,),
    # after what explains better why no module is found
    stage=Stage.FILE,
    states=frozenset({ResolutionState.ABSENT}),
    find=_find,
)
