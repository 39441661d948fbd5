# SPDX-License-Identifier: GPL-3.0-or-later
"""Algorithms that the kernel does not give out in FIPS mode, whatever is loaded.

source: crypto/testmgr.c, alg_test_descs without fips_allowed
"""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.diagnose.obstacle import Obstacle, ObstacleKind
from modprobe_ipsec.diagnose.obstacles import ObstacleCheck, Scene, Stage, Subject
from modprobe_ipsec.diagnose.resolution import ResolutionState

_APPROVED = Sentence(
    "choose an algorithm that is approved, such as AES-GCM, or AES-CBC with HMAC-SHA2",
    {"kind": "another algorithm"},
)
FIPS = ObstacleKind("fips", forbids=True)


def _find(subjects: Sequence[Subject], scene: Scene) -> Iterator[tuple[Subject, Obstacle]]:
    for subject in subjects:
        for part in scene.catalog.not_fips if subject.algorithm else ():
            forbidden = part.asked(scene.version)
            if part.request == subject.algorithm and forbidden is not False:
                # None: some kernels do, and the version does not tell
                mode = "FIPS mode (crypto.fips_enabled = 1)"
                doubt = "some kernels of about this version do not give it out"
                yield (
                    subject,
                    Obstacle(
                        kind=FIPS,
                        module=part.request,
                        text=mode if forbidden else f"{mode}: {doubt}",
                        remedy=_APPROVED,
                        sure=bool(forbidden),
                        ask=not forbidden,
                    ),
                )


CHECK = ObstacleCheck(
    kinds=(FIPS,),
    stage=Stage.REQUEST,
    states=frozenset({ResolutionState.UNKNOWN}),
    find=_find,
)
