# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed between two host plans: after a kernel update, a new configuration, a new host."""

from modprobe_ipsec.base.annotations import Iterable, Iterator, Mapping, Sequence
from modprobe_ipsec.diagnose.resolution import ResolutionState
from modprobe_ipsec.manifest.model import HAVE, HostPlan, PlannedModule
from modprobe_ipsec.plan.verdict import Verdict

# Whether something is loaded at the moment is no difference.
_MET = (Verdict.READY, Verdict.SLOW, Verdict.LOADABLE)


def compare(old: HostPlan, new: HostPlan) -> tuple[str, ...]:
    """One line for each difference, needs that are lost first; nothing if there is none."""
    return (*_needs(old, new), *_modules(old, new), *_rest(old, new))


def _needs(old: HostPlan, new: HostPlan) -> Iterator[str]:
    before = {planned.need.label: planned.verdict for planned in old.needs}
    after = {planned.need.label: planned.verdict for planned in new.needs}
    lost: list[str] = []
    found: list[str] = []
    for label, verdict in after.items():
        if label not in before:
            found.append(f"new need: {label} ({verdict})")
        elif _word(before[label]) != _word(verdict):
            line = f"{label}: {_word(verdict)}, was {_word(before[label])}"
            (found if verdict in _MET else lost).append(line)
    yield from lost
    yield from found
    yield from (f"no longer needed: {label}" for label in before if label not in after)


def _word(verdict: Verdict) -> str:
    return "can be had" if verdict in _MET else verdict


def _modules(old: HostPlan, new: HostPlan) -> Iterator[str]:
    before, after = _by_request(old.modules), _by_request(new.modules)
    for request, modules in after.items():
        if request not in before:
            yield f"new request: {request} ({_sketch(modules)})"
        elif _sketch(before[request]) != _sketch(modules):
            yield f"{request}: {_sketch(modules)}, was {_sketch(before[request])}"
    yield from (f"no longer asked for: {request}" for request in before if request not in after)


def _by_request(modules: Iterable[PlannedModule]) -> Mapping[str, Sequence[PlannedModule]]:
    found: dict[str, list[PlannedModule]] = {}
    for module in modules:
        found.setdefault(module.request, []).append(module)
    return found


def _sketch(modules: Sequence[PlannedModule]) -> str:
    """`aesni_intel loadable; aes_generic built in`: who answers, and how it comes."""
    return "; ".join(f"{module.name} {_state(module)}".lstrip() for module in modules)


def _state(module: PlannedModule) -> str:
    if module.state is ResolutionState.BUILTIN:
        return "built in"
    if module.state not in HAVE:
        return module.state
    if module.accelerator:
        return "loadable"
    return {True: "loads by itself", False: "must be loaded", None: "loadable"}[module.autoload]


def _rest(old: HostPlan, new: HostPlan) -> Iterator[str]:
    for title, before, after in (
        ("sysctl", _sysctls(old), _sysctls(new)),
        ("capability", old.container.capabilities, new.container.capabilities),
        ("device", old.container.devices, new.container.devices),
        ("port", old.container.ports, new.container.ports),
        ("in the way", _blockers(old), _blockers(new)),
    ):
        yield from (f"new {title}: {word}" for word in after if word not in before)
        yield from (f"no longer {title}: {word}" for word in before if word not in after)


def _sysctls(plan: HostPlan) -> tuple[str, ...]:
    return tuple(f"{s.key} = {s.value} ({s.where})" for s in plan.sysctls)


def _blockers(plan: HostPlan) -> tuple[str, ...]:
    return tuple(blocker.text for blocker in plan.blockers)
