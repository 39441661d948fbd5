# SPDX-License-Identifier: GPL-3.0-or-later
"""No module directory for this kernel, or no modules at all."""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.base.text import Sentence, facts_of
from modprobe_ipsec.diagnose.obstacle import Obstacle, ObstacleKind
from modprobe_ipsec.diagnose.obstacles import ObstacleCheck, Scene, Stage, Subject
from modprobe_ipsec.diagnose.resolution import ResolutionState

NO_DIRECTORY = ObstacleKind("no module directory")
NO_MODULE_SUPPORT = ObstacleKind("no module support")


def _find(subjects: Sequence[Subject], scene: Scene) -> Iterator[tuple[Subject, Obstacle]]:
    if scene.facts.module_index is not None:
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
        remedy=Sentence(
            "a kernel with everything built in, or with CONFIG_MODULES",
            {"kind": "another kernel", "option": "CONFIG_MODULES"},
        ),
    )


def _no_directory(subject: Subject, scene: Scene) -> Obstacle:
    facts, around = scene.facts, scene.facts.environment()
    others = [release for release in around.releases if release != facts.release]
    install = scene.packages.single("") or scene.packages.all_modules
    text = f"no module directory for {facts.release}"
    remedy: str
    if around.container:
        text += f" in this container ({around.container})"
        remedy = Sentence(
            "run it on the host, whose kernel and modprobe.d decide, "
            "or mount the host's /lib/modules read-only",
            {"kind": "on the host", "command": "modprobe-ipsec --check"},
        )
    elif others:
        text += f", only for {', '.join(others)}: upgraded, and not rebooted?"
        alike = [other for other in others if _flavour(other) == _flavour(facts.release)]
        newest = _newest(alike)
        reboot = Sentence(
            f"reboot into {newest or 'a kernel whose modules are here'}",
            {"kind": "reboot", **({"release": newest} if newest else {})},
        )
        remedies = [text for text in (reboot if alike or not install else "", install) if text]
        remedy = Sentence(", or ".join(remedies), *(f for each in remedies for f in facts_of(each)))
    else:
        remedy = install or Sentence("install the modules of this kernel", {"kind": "install"})
    return Obstacle(kind=NO_DIRECTORY, module=subject.name, text=text, remedy=remedy)


def _flavour(release: str) -> str:
    """`6.12.117+deb13-cloud-amd64` -> cloud-amd64, `6.11.4-301.fc41.x86_64` -> x86_64."""
    words = release.split("-")
    flavour = ""
    while words and words[-1][:1].isalpha():
        flavour = f"{words.pop()}-{flavour}"
    last = release.rpartition(".")[2]
    return flavour.rstrip("-") or (last if last[:1].isalpha() else "")


def _newest(releases: Sequence[str]) -> str:
    """The highest of these, number by number; empty if there is none."""

    def numbers(release: str) -> list[int]:
        digits = "".join(c if c.isdecimal() else " " for c in release)
        return [int(number) for number in digits.split()]

    return max(releases, key=numbers, default="")


CHECK = ObstacleCheck(
    kinds=(NO_DIRECTORY, NO_MODULE_SUPPORT),
    stage=Stage.INDEX,
    states=frozenset({ResolutionState.UNKNOWN}),
    find=_find,
)
