# SPDX-License-Identifier: GPL-3.0-or-later
"""No module directory for this kernel, or no modules at all."""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.diagnose.obstacle import Obstacle, ObstacleKind
from modprobe_ipsec.diagnose.obstacles import ObstacleCheck, Scene, Stage, Subject
from modprobe_ipsec.diagnose.resolution import ResolutionState

NO_TREE = ObstacleKind("no module tree")
NO_MODULE_SUPPORT = ObstacleKind("no module support")


def _find(subjects: Sequence[Subject], scene: Scene) -> Iterator[tuple[Subject, Obstacle]]:
    if scene.facts.tree is not None:
        return
    around = scene.facts.environment()
    for subject in subjects:
        if subject.algorithm:
            continue
        # who has mounts of its own may miss a directory that the kernel's modprobe sees
        seen = scene.no_modules or not (around.container or around.own_mounts)
        sure = subject.built == "m" and seen
        obstacle = _no_modules(subject) if scene.no_modules else _no_directory(subject, scene)
        yield subject, obstacle._replace(sure=sure, ask=not sure)


def _no_modules(subject: Subject) -> Obstacle:
    return Obstacle(
        kind=NO_MODULE_SUPPORT,
        module=subject.name,
        text="no module support in this kernel, so that only built-in code counts",
        remedy="a kernel with everything built in, or with CONFIG_MODULES",
    )


def _no_directory(subject: Subject, scene: Scene) -> Obstacle:
    facts, around = scene.facts, scene.facts.environment()
    others = [release for release in around.releases if release != facts.release]
    install = scene.packages.single("") or scene.packages.all_modules
    text = f"no module tree for {facts.release}"
    if around.container:
        text += f" in this container ({around.container})"
        remedy = (
            "run it on the host, whose kernel and modprobe.d decide, "
            "or mount the host's /lib/modules read-only"
        )
    elif others:
        text += f", only for {', '.join(others)}: upgraded, and not rebooted?"
        remedy = f"reboot into {others[-1]}" + (f", or {install}" if install else "")
    else:
        remedy = install or "install the modules of this kernel"
    return Obstacle(kind=NO_TREE, module=subject.name, text=text, remedy=remedy)


CHECK = ObstacleCheck(
    kinds=(NO_TREE, NO_MODULE_SUPPORT),
    stage=Stage.INDEX,
    states=frozenset({ResolutionState.UNKNOWN}),
    find=_find,
)
