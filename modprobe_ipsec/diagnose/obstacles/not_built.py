# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel was built without what would answer."""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.base.text import Sentence, facts_of
from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.diagnose.obstacle import Obstacle, ObstacleKind, kernel_with
from modprobe_ipsec.diagnose.obstacles import ObstacleCheck, Scene, Stage, Subject
from modprobe_ipsec.diagnose.resolution import ResolutionState

NOT_BUILT = ObstacleKind("not built")


def _find(subjects: Sequence[Subject], scene: Scene) -> Iterator[tuple[Subject, Obstacle]]:
    facts, packages = scene.facts, scene.packages
    for subject in subjects:
        # a module of a kernel that loads none was not built either, if no list has it
        unused = (
            subject.built == "m"
            and facts.module_index
            and facts.modules is None
            and scene.no_modules
        )
        if facts.config and (subject.built == "n" or unused):
            option = f"CONFIG_{subject.resolution.option}"
            package = packages.single(subject.name) or packages.other_kernel
            yield (
                subject,
                Obstacle(
                    kind=NOT_BUILT,
                    module=subject.name,
                    text=f"/{facts.config.path}: {option} is not set",
                    remedy=_and_reboot(package) if package else kernel_with(option),
                    option=option,
                    protocol=_protocol(subject.resolution.request, scene),
                ),
            )


def _and_reboot(package: str) -> Sentence:
    return Sentence(f"{package}, and reboot into it", *facts_of(package), {"kind": "reboot"})


def _protocol(request: str, scene: Scene) -> str:
    """The protocol that a request is about, if the kernel was built without it altogether."""
    for protocol in Protocol:
        types = [scene.catalog.types[protocol, family][0] for family in Family]
        if any(of_family.alias == request for of_family in types):
            config = scene.facts.config
            unset = config and all(config.get(of_family.config) == "n" for of_family in types)
            return protocol.upper() if unset else ""
    return ""


CHECK = ObstacleCheck(
    kinds=(NOT_BUILT,),
    stage=Stage.BUILD,
    states=frozenset({ResolutionState.ABSENT, ResolutionState.UNKNOWN}),
    find=_find,
)
