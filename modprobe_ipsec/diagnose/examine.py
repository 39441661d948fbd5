# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass over what is not served: what is in its way, and what is seen because of it. Pure."""

from modprobe_ipsec.base.annotations import Mapping, Sequence
from modprobe_ipsec.base.text import Sentence, facts_of
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.catalog.obstacles import Symptom
from modprobe_ipsec.diagnose.obstacle import Obstacle
from modprobe_ipsec.diagnose.packages import packages_for
from modprobe_ipsec.diagnose.resolution import (
    ASK,
    LACKING,
    SERVED,
    Resolution,
    ResolutionState,
    Resolved,
)
from modprobe_ipsec.host.facts import Directive, Facts, ModuleState


def find_obstacles(resolved: Resolved, facts: Facts, catalog: Catalog) -> Resolved:
    """Name what keeps each module out, and why nobody answers where nobody does.

    A host where all is served pays for none of the checks, and none of what they would read.
    """
    started = all(rule.directive is not Directive.INITCALL_BLACKLIST for rule in facts.rules)

    def is_subject(resolution: Resolution) -> bool:
        if resolution.state is ResolutionState.BUILTIN:
            # unless its start was forbidden, what is built in is served
            return not started
        return resolution.state not in SERVED

    groups = [*resolved.answers.values(), resolved.accelerators.values(), resolved.in_fips.values()]
    subjects = [r for group in groups for r in group if is_subject(r)]
    if not subjects:
        return resolved
    by_name = {resolution: name for name, resolution in resolved.in_fips.items()}
    examined = _examine(subjects, by_name, resolved, facts, catalog)

    def after(resolution: Resolution) -> Resolution:
        return examined.get(resolution, resolution)

    return resolved._replace(
        answers={alias: tuple(map(after, group)) for alias, group in resolved.answers.items()},
        accelerators={name: after(r) for name, r in resolved.accelerators.items()},
        in_fips={name: after(r) for name, r in resolved.in_fips.items()},
    )


def _examine(
    resolutions: Sequence[Resolution],
    by_name: Mapping[Resolution, str],
    resolved: Resolved,
    facts: Facts,
    catalog: Catalog,
) -> dict[Resolution, Resolution]:
    # costs a dozen modules, which a host where all is well need not pay for
    from modprobe_ipsec.diagnose.obstacles import Scene, Subject, checks

    scene = Scene(
        facts=facts,
        catalog=catalog,
        packages=packages_for(facts, catalog),
        lines=resolved.lines,
        version=resolved.requests.version,
        no_modules=_has_no_modules(facts),
    )
    found: dict[Resolution, list[Obstacle]] = {}
    subjects = []
    for resolution in dict.fromkeys(resolutions):
        found[resolution] = []
        option = resolution.option
        built = facts.config.get(option) if facts.config and option else ""
        names = (resolution.module, *reversed(resolution.dependencies))
        if (facts.modules or {}).get(resolution.module) is ModuleState.COMING:
            names = ()
        subjects.append(
            Subject(
                resolution=resolution,
                names=names,
                algorithm=by_name.get(resolution, ""),
                built=built,
            )
        )
    for check in checks():
        asked = []
        for subject in subjects:
            resolution = subject.resolution
            failed = resolution.failure is not None
            wanted = check.after_failure if failed else resolution.state in check.states
            # a module may be kept out by several things at once; why there is none, one thing tells
            if wanted and (resolution.state in _ALL_OF_THEM or not found[resolution]):
                asked.append(subject)
        for subject, obstacle in check.find(asked, scene) if asked else ():
            found[subject.resolution].append(obstacle)
    return {
        resolution: _with_symptom(_with_obstacles(resolution, obstacles), catalog)
        for resolution, obstacles in found.items()
    }


_ALL_OF_THEM = (ResolutionState.LOADABLE, ResolutionState.BUILTIN)


def _with_obstacles(resolution: Resolution, obstacles: Sequence[Obstacle]) -> Resolution:
    # what may be no obstacle at all counts only if nothing else is one
    counting = tuple(o for o in obstacles if o.sure) or tuple(obstacles)
    if not counting:
        return resolution
    first = counting[0]
    if not first.sure:
        state = ResolutionState.UNKNOWN
    else:
        state = ResolutionState.BLOCKED if first.kind.forbids else ResolutionState.ABSENT
    failed = f" ({resolution.failure.evidence})" if resolution.failure else ""
    return resolution._replace(
        state=state,
        evidence=Sentence(first.text + failed, {"kind": "obstacle", "obstacle": first.kind.name}),
        remedy=_or_ask(first.remedy) if first.ask else first.remedy,
        obstacles=counting,
    )


def _or_ask(remedy: str) -> Sentence:
    return Sentence(f"{remedy}; or {ASK}", *facts_of(remedy), *ASK.facts)


def _with_symptom(resolution: Resolution, catalog: Catalog) -> Resolution:
    if resolution.state not in LACKING or resolution.accelerator:
        return resolution
    return resolution._replace(symptom=_symptom(resolution.request, catalog.knowledge.symptoms))


def _symptom(request: str, symptoms: Mapping[str, Symptom]) -> Symptom | None:
    """What the kernel and the daemons say where a request stays without an answer."""
    begins = [start for start in symptoms if request.startswith(start)]
    return symptoms[max(begins, key=len)] if begins else None


def _has_no_modules(facts: Facts) -> bool:
    """Whether the kernel was built without CONFIG_MODULES."""
    if facts.config:
        return facts.config.get("MODULES") == "n"
    missing = {gap.path for gap in facts.unreadable if gap.missing}
    return (
        facts.algorithms is not None
        and {"proc/modules", "proc/sys/kernel/modules_disabled"} <= missing
    )
