# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolutions -> the modules to load, in rounds, and what is to be expected of each need. Pure.

What the CPU's own code registers is known only once it is loaded, so such a load ends a round, and
the next one starts from what the kernel then shows. Here that is foreseen, as far as the map can.
"""

from modprobe_ipsec.base.annotations import Iterable, Sequence
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.text import Sentence, facts_of
from modprobe_ipsec.diagnose.requests import NeedRequests
from modprobe_ipsec.diagnose.resolution import (
    ASK,
    LACKING,
    SERVED,
    Resolution,
    ResolutionState,
    Resolved,
)
from modprobe_ipsec.plan.plan import Forecast, Plan, Step
from modprobe_ipsec.plan.verdict import Verdict

_ANOTHER_ALGORITHM = Sentence("choose another algorithm", {"kind": "another algorithm"})
_HOPELESS = (ResolutionState.BLOCKED, ResolutionState.ABSENT)

# Deeper than any chain of requests in the map; more would be a loop.
_MAX_ROUNDS = 64

# The best of several that answer one request.
_RANK = {
    ResolutionState.BUILTIN: 0,
    ResolutionState.LIVE: 0,
    ResolutionState.LOADABLE: 1,
    ResolutionState.BLOCKED: 2,
    ResolutionState.UNKNOWN: 3,
    ResolutionState.ABSENT: 5,
}
# What is there, and is never loaded here.
_RANK_OF_NEVER = 4


def forecast(resolved: Resolved, *, accelerate: bool = True) -> Plan:
    """The whole plan as the map foresees it; without `accelerate`, nothing for speed alone."""
    wanted = resolved.requests.by_need
    view = _View(resolved, accelerate, {})
    now = foreseen = [view.need(requests) for requests in wanted]
    rounds: list[tuple[Step, ...]] = []
    while steps := _steps(wanted, foreseen, view):
        rounds.append(steps)
        view = view.after(steps)
        foreseen = [view.need(requests) for requests in wanted]
        if len(rounds) > _MAX_ROUNDS:
            # the loader refuses a circle; this is for what it does not see
            loading = ", ".join(step.module for step in steps)
            raise ConfigError(f"data/crypto.yaml: no end of what is to be loaded: {loading}")
    plain = _View(resolved, False, {})
    return Plan(
        rounds=tuple(rounds),
        forecasts=tuple(
            Forecast(
                need=requests.need,
                resolutions=found,
                foreseen=expected,
                verdict=_verdict(found, expected, plain, requests),
                unproven=requests.unproven,
                card=next((r.evidence for r in found if r.of_card), ""),
            )
            for requests, found, expected in zip(wanted, now, foreseen, strict=True)
        ),
    )


class _View:
    """What the kernel is expected to answer once some modules are loaded.

    `loaded` names for each of them what it registers.
    """

    def __init__(
        self, resolved: Resolved, accelerate: bool, loaded: dict[str, tuple[str, ...]]
    ) -> None:
        self.loaded = loaded
        self._resolved = resolved
        self._accelerate = accelerate
        self._expected = {name: module for module, names in loaded.items() for name in names}
        self._seen: dict[tuple[str, bool], tuple[Resolution, ...]] = {}

    def after(self, steps: Iterable[Step]) -> "_View":
        """The view once these steps are done as well."""
        loaded = dict(self.loaded)
        for step in steps:
            loaded |= dict.fromkeys(step.dependencies, ())
            loaded[step.module] = step.registers
        return _View(self._resolved, self._accelerate, loaded)

    def need(self, wanted: NeedRequests) -> tuple[Resolution, ...]:
        """All requests that a need makes, in the order in which the kernel makes them.

        Where one is loadable and its load may settle more than itself, the rest is left out: load
        it, look again, resolve again.
        """
        resolved = self._resolved
        found = [self._answer(r.alias)._replace(title=r.title) for r in wanted.modules]
        if wanted.card and wanted.card.name in resolved.cards:
            found.append(resolved.cards[wanted.card.name])
        in_fips = [resolved.in_fips[name] for name in wanted.algorithms if name in resolved.in_fips]
        found += [resolution for resolution in in_fips if resolution.obstacles]
        if wanted.crypto:
            found += self._name(wanted.crypto, self._accelerate)
        found += [
            Resolution(
                label,
                ResolutionState.ABSENT,
                evidence=Sentence(why, {"kind": "map", "algorithm": label}),
                remedy=_ANOTHER_ALGORITHM,
            )
            for label, why in wanted.impossible
        ]
        return tuple(dict.fromkeys(found))

    def _name(self, name: str, accelerate: bool) -> tuple[Resolution, ...]:
        """What the kernel asks its crypto API for on the way to `name`."""
        if (name, accelerate) not in self._seen:
            self._seen[name, accelerate] = self._look(name, accelerate)
        return self._seen[name, accelerate]

    def _look(self, name: str, accelerate: bool) -> tuple[Resolution, ...]:
        resolved = self._resolved
        if name not in resolved.asked:
            return ()
        request = resolved.requests.crypto[name]
        # An accelerator that the admin forbade is no obstacle, but it is worth a word.
        extra: tuple[Resolution, ...] = ()
        if accelerate and name in resolved.accelerators:
            best = resolved.accelerators[name]
            if best.module not in self.loaded:
                extra = (best,)
                if best.state is ResolutionState.LOADABLE:
                    return extra
        if served := self._registered(name):
            parts = self._parts(name, accelerate) if name in resolved.assembled else ()
            faster = (part for part in parts if part.accelerator)
            besides = self._besides(name) if (served.module, name) in resolved.with_fallback else ()
            return (served, *extra, *faster, *besides)
        for other in request.instead:
            first = self._name(other, accelerate)
            if any(r.state is ResolutionState.LOADABLE for r in first):
                return first
        alias = f"crypto-{name}"
        is_whole = name != request.template and alias in resolved.answers
        whole = self._answer(alias) if is_whole else None
        if whole and whole.state is ResolutionState.LOADABLE:
            return (whole, *extra)
        template = self._answer(f"crypto-{request.template}")
        route = (*self._parts(name, accelerate), template)
        if whole and whole.state is ResolutionState.BLOCKED:
            return (*route, *extra) if all(r.state in SERVED for r in route) else (whole, *extra)
        return (*route, *extra)

    def _besides(self, name: str) -> tuple[Resolution, ...]:
        """What serves a name besides a driver that falls back on it."""
        template = self._answer(f"crypto-{self._resolved.requests.crypto[name].template}")
        return (*self._parts(name, False), template)

    def _registered(self, name: str) -> Resolution | None:
        if name in self._resolved.registered:
            return self._resolved.registered[name]
        module = self._expected.get(name, "")
        if not module and name in self._resolved.accelerators:
            # it is loaded for another name, and answers this one, too
            module = self._resolved.accelerators[name].module
        if module not in self.loaded:
            return None
        return Resolution(f"crypto-{name}", ResolutionState.LIVE, module)

    def _parts(self, name: str, accelerate: bool) -> tuple[Resolution, ...]:
        request = self._resolved.requests.crypto[name]
        found: list[Resolution] = []
        for part in request.parts:
            # no packet goes through the random generator
            answers = self._name(part, accelerate and request.for_packets)
            found += map(_in_doubt, answers) if part in request.doubtful else answers
        return tuple(dict.fromkeys(found))

    def _answer(self, alias: str) -> Resolution:
        """The best of all that answer an alias."""
        candidates = [self._now(candidate) for candidate in self._resolved.answers[alias]]
        return min(candidates, key=_rank)

    def _now(self, candidate: Resolution) -> Resolution:
        module = candidate.module or candidate.name
        if candidate.state in SERVED or module not in self.loaded:
            return candidate
        return Resolution(candidate.request, ResolutionState.LIVE, module)


def _rank(candidate: Resolution) -> int:
    loadable = candidate.state is ResolutionState.LOADABLE
    return _RANK_OF_NEVER if candidate.never and loadable else _RANK[candidate.state]


def _in_doubt(answer: Resolution) -> Resolution:
    """Some kernels of about this version ask for it, and others do not."""
    if answer.state not in LACKING:
        return answer
    evidence = Sentence(
        f"the kernel's version does not tell whether it is asked for; {answer.evidence}",
        {"kind": "kernel release"},
        *facts_of(answer.evidence),
    )
    return answer._replace(state=ResolutionState.UNKNOWN, evidence=evidence, remedy=ASK)


def _steps(
    wanted: Sequence[NeedRequests], found: Sequence[tuple[Resolution, ...]], view: _View
) -> tuple[Step, ...]:
    """One step for each module that is to be loaded, the CPU's own code first.

    First, because an accelerator serves only SAs that are built after it came.
    """
    steps: dict[str, Step] = {}
    for requests, resolutions in zip(wanted, found, strict=True):
        if any(r.state in _HOPELESS and not r.accelerator for r in resolutions):
            # half of what a need wants serves nobody
            continue
        label = requests.need.label
        for resolution in resolutions:
            if resolution.state is not ResolutionState.LOADABLE or resolution.never:
                continue
            module = resolution.module
            step = steps.get(module)
            if step is None:
                request = resolution.request
                steps[module] = Step(
                    module=module,
                    request=request,
                    why=resolution.evidence or resolution.title or f"answers {request}",
                    needs=(label,),
                    dependencies=tuple(d for d in resolution.dependencies if d not in view.loaded),
                    accelerator=resolution.accelerator,
                    registers=resolution.registers or (request.removeprefix("crypto-"),),
                    soft_dependencies=resolution.soft_dependencies,
                )
            elif label not in step.needs:
                steps[module] = step._replace(needs=(*step.needs, label))
    # What is loaded along with another step needs no step of its own.
    along = {module for step in steps.values() for module in step.dependencies}
    chosen = [step for module, step in steps.items() if module not in along]
    return tuple(sorted(chosen, key=lambda step: not step.accelerator))


def _verdict(
    now: Sequence[Resolution],
    expected: Sequence[Resolution],
    plain: _View,
    requests: NeedRequests,
) -> Verdict:
    lacking = {r.state for r in expected if r.state not in SERVED and not r.accelerator}
    for state, verdict in _LACKING.items():
        if state in lacking:
            return verdict
    if all(r.state in SERVED for r in now):
        return Verdict.READY
    if all(r.state in SERVED for r in plain.need(requests)):
        # what may not be for this CPU is no loss
        missed = (r for r in now if r.state not in SERVED and not r.unlikely)
        return Verdict.SLOW if any(missed) else Verdict.READY
    return Verdict.LOADABLE


_LACKING = {
    ResolutionState.ABSENT: Verdict.MISSING,
    ResolutionState.BLOCKED: Verdict.BLOCKED,
    ResolutionState.UNKNOWN: Verdict.UNKNOWN,
}
