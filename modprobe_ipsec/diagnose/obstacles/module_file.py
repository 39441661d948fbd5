# SPDX-License-Identifier: GPL-3.0-or-later
"""A module's file that is not there, damaged, or another kernel's."""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.diagnose.obstacle import Obstacle, ObstacleKind
from modprobe_ipsec.diagnose.obstacles import ObstacleCheck, Scene, Stage, Subject
from modprobe_ipsec.diagnose.resolution import ResolutionState

NO_FILE = ObstacleKind("no module file")
BROKEN_FILE = ObstacleKind("broken module file")
OTHER_KERNEL = ObstacleKind("module of another kernel")


def _find(subjects: Sequence[Subject], scene: Scene) -> Iterator[tuple[Subject, Obstacle]]:
    for subject in subjects:
        failure = subject.resolution.failure
        for name in subject.names:
            if failure is None:
                found = _of_file(name, scene)
            else:
                # the kernel looked at the file and did not take it
                found = _other_kernel(name, scene) if failure.of_file else None
            if found:
                yield subject, found


def _of_file(name: str, scene: Scene) -> Obstacle | None:
    facts = scene.facts
    file = facts.module_files.get(name)
    if file is None:
        return None
    if file.broken:
        missing = file.broken == "no such file"
        said = "modules.dep lists it, and there is no such file" if missing else file.broken
        kind = NO_FILE if missing else BROKEN_FILE
        remedy = scene.packages.again
        return Obstacle(kind=kind, module=name, text=f"{file.path}: {said}", remedy=remedy)
    # source: kernel/module/version.c same_magic(): with checksums of the symbols on either side,
    # these are compared instead of the release, and only a load tells how that ends
    versions = facts.config.get("MODVERSIONS") if facts.config else None
    if "modversions" in file.vermagic.split() and versions == "y":
        return None
    return _other_kernel(name, scene)


def _other_kernel(name: str, scene: Scene) -> Obstacle | None:
    """The file was built for another release, which need not be in its way."""
    facts = scene.facts
    file = facts.module_files.get(name)
    built_for = file.vermagic.partition(" ")[0] if file else ""
    if not file or not built_for or built_for == facts.release:
        return None
    return Obstacle(
        kind=OTHER_KERNEL,
        module=name,
        text=f"{file.path}: built for {built_for} (version magic {file.vermagic})",
        remedy=scene.packages.again,
        sure=bool(facts.config) or "modversions" not in file.vermagic.split(),
    )


CHECK = ObstacleCheck(
    kinds=(NO_FILE, BROKEN_FILE, OTHER_KERNEL),
    stage=Stage.FILE,
    states=frozenset({ResolutionState.LOADABLE}),
    find=_find,
    after_failure=True,
)
