# SPDX-License-Identifier: GPL-3.0-or-later
"""A module directory without an index: of its modules, or in the form that libkmod reads."""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.diagnose.obstacle import Obstacle, ObstacleKind
from modprobe_ipsec.diagnose.obstacles import ObstacleCheck, Scene, Stage, Subject
from modprobe_ipsec.diagnose.resolution import ResolutionState
from modprobe_ipsec.host.facts import DEP_BIN, Facts

NO_INDEX = ObstacleKind("no module index")


def _find(subjects: Sequence[Subject], scene: Scene) -> Iterator[tuple[Subject, Obstacle]]:
    text, binary = _missing(scene.facts)
    for subject in subjects:
        if subject.resolution.state is ResolutionState.LOADABLE:
            # Where there is no libkmod nobody misses it: busybox reads the text.
            # source: `modprobe --show-depends` of kmod 30
            if binary and subject.names and scene.facts.environment().libkmod:
                said = f"{binary}: no such file, and without it libkmod finds no module"
                yield subject, _obstacle(subject, said, scene)
        elif text and subject.built != "n" and scene.packages.by_module is None:
            # (modprobe of OpenWrt finds modules without an index, and there is no depmod)
            yield subject, _no_list(subject, text, binary, scene)


def _no_list(subject: Subject, text: str, binary: str, scene: Scene) -> Obstacle:
    """Nothing lists the modules, so that nobody can say which of them are there."""
    if not binary:
        said = f"{text}: no such file, and {DEP_BIN} is for libkmod only"
        return _obstacle(subject, said, scene)._replace(sure=False)
    said = f"{text}: no such file, so that no module is found"
    # what has no alias either may be built in
    sure = bool(subject.resolution.module) or scene.facts.config is not None
    return _obstacle(subject, said, scene)._replace(sure=sure)


def _obstacle(subject: Subject, text: str, scene: Scene) -> Obstacle:
    command = f"depmod -a {scene.facts.release}"
    remedy = Sentence(command, {"kind": "run", "command": command})
    return Obstacle(kind=NO_INDEX, module=subject.name, text=text, remedy=remedy)


def _missing(facts: Facts) -> tuple[str, str]:
    """Where modules.dep and the binary form of it should be and are not; empty if they are."""
    gap = next((gap for gap in facts.unreadable if gap.path.endswith("/modules.dep")), None)
    lacks = facts.module_index.lacks if facts.module_index else ()
    binary = next((path for path in lacks if path.endswith(DEP_BIN)), "")
    return f"/{gap.path}" if gap and facts.module_index else "", binary


CHECK = ObstacleCheck(
    kinds=(NO_INDEX,),
    stage=Stage.INDEX,
    states=frozenset({ResolutionState.LOADABLE, ResolutionState.ABSENT}),
    find=_find,
)
