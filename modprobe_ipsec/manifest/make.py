# SPDX-License-Identifier: GPL-3.0-or-later
"""Needs, one host's facts and what was judged of them -> the host plan.

A plan says what is needed from power-on, whatever is loaded now, so it is made for the host as if
nothing had been loaded yet; and for a kernel that then loads nothing more, so what the CPU's own
code may or may not register on top is no part of the bargain.
"""

from modprobe_ipsec import __version__
from modprobe_ipsec.base.annotations import Iterator, Mapping, Sequence
from modprobe_ipsec.base.names import words_of
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.catalog.reach import Reach
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.diagnose.autoload import AutoloadPolicy, autoload_policy
from modprobe_ipsec.diagnose.obstacle import Obstacle
from modprobe_ipsec.diagnose.resolution import SERVED, Resolution, ResolutionState
from modprobe_ipsec.host.facts import Facts, ModuleState
from modprobe_ipsec.manifest import requirements
from modprobe_ipsec.manifest.model import (
    AUTOLOAD_OFF,
    Blocker,
    HostPlan,
    PlannedModule,
    PlannedNeed,
    Provenance,
    Where,
)
from modprobe_ipsec.manifest.words import clean
from modprobe_ipsec.needs.need import AnyNeed
from modprobe_ipsec.plan.forecast import forecast
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.plan import Plan, Step
from modprobe_ipsec.plan.planner import diagnose
from modprobe_ipsec.plan.verdict import NeedVerdict

# How many places in configurations a plan names for one need.
MAX_SOURCES = 4


def make(
    wanted: Demand, verdicts: Sequence[NeedVerdict], facts: Facts, root: str, catalog: Catalog
) -> HostPlan:
    """The host plan of `wanted.needs`; `verdicts` are those of the host as it is now."""
    around = facts.environment()
    resolved = diagnose(wanted.needs, _at_start(facts), catalog)
    plain, accelerated = forecast(resolved, accelerate=False), forecast(resolved)
    found = _Modules(facts, catalog)
    modules = (*found.of_cpu(accelerated), *found.of_plan(plain))
    later = judge(plain, {}, loaded=False)
    return HostPlan(
        made=Provenance(
            tool=f"modprobe-ipsec {__version__}",
            kernel=clean(facts.release),
            arch=clean(facts.arch),
            root=clean(root),
            container=clean(around.container),
            configs=tuple(clean(path) for path in wanted.configs),
        ),
        needs=tuple(PlannedNeed(_few_sources(j.need), j.verdict) for j in verdicts),
        modules=modules,
        sysctls=requirements.sysctls(
            wanted.needs, Where.CONTAINER if around.container else Where.HOST
        ),
        container=requirements.container(wanted.needs),
        blockers=tuple(_blockers((*verdicts, *later), modules, facts, found.loading)),
    )


def _at_start(facts: Facts) -> Facts:
    """The host as it is before anything is loaded, and not yet sealed."""
    # an instance of a template, `hmac(sha256-generic)`, is built anew when it is asked for
    algorithms = [a for a in facts.algorithms or () if "(" not in a.driver]
    modules = facts.modules
    if facts.module_index:
        algorithms = [a for a in algorithms if a.module == "kernel"]
        if modules is not None:
            modules = {n: s for n, s in modules.items() if s is ModuleState.BUILTIN}
    known = None if facts.algorithms is None else tuple(algorithms)
    return facts._replace(algorithms=known, modules=modules, modules_disabled=False)


class _Modules:
    """Makes the entries for modules of one host."""

    def __init__(self, facts: Facts, catalog: Catalog) -> None:
        self.loading = autoload_policy(facts, catalog.knowledge)
        self._facts = facts
        self._catalog = catalog
        self._known = Reach(catalog)

    def of_cpu(self, accelerated: Plan) -> Iterator[PlannedModule]:
        """The CPU's own code, which is to come before what is built on it."""
        for step in accelerated.steps:
            if step.accelerator:
                yield self._loadable(step, ())

    def of_plan(self, plain: Plan) -> Iterator[PlannedModule]:
        """What must be loaded, in its order, and then what stands otherwise."""
        seen: set[str] = set()
        names: dict[str, str] = {}
        for step in plain.steps:
            module = self._loadable(step, tuple(self._hidden_parts(step.request, names)))
            seen |= {step.module, step.request}
            names[step.request] = module.name
            yield module
        resolutions = [
            f for forecast in plain.forecasts for f in forecast.resolutions if not f.accelerator
        ]
        resolutions += [
            f for forecast in plain.forecasts for f in forecast.foreseen if not f.accelerator
        ]
        for resolution in resolutions:
            name = self._name(resolution.request, resolution.module)
            if resolution.state is ResolutionState.LOADABLE or not self._known.request(
                resolution.request
            ):
                continue
            if not {name or resolution.request, resolution.request} & seen:
                seen.add(name or resolution.request)
                yield self._other(resolution, name)

    def _loadable(self, step: Step, after: tuple[str, ...]) -> PlannedModule:
        state = ResolutionState.LIVE if self._is_live(step.module) else ResolutionState.LOADABLE
        autoload = self._autoload(step.module, accelerator=step.accelerator)
        others = len(step.needs) - 1
        why = f"{step.why}, for {step.needs[0]}" + (f" and {others} more" if others else "")
        name = self._name(step.request, step.module)
        after = tuple(other for other in after if name)
        return PlannedModule(
            name=name,
            request=step.request,
            state=state,
            autoload=autoload,
            why=clean(why),
            after=after,
            accelerator=step.accelerator,
        )

    def _hidden_parts(self, request: str, names: Mapping[str, str]) -> Iterator[str]:
        """Modules among `names`, by request, that what answers a request cannot do without.

        No dependency of modules tells that: gcm asks for ctr and ghash once it is put together, and
        drbg for its hash as soon as it is loaded.
        """
        parts = self._catalog.parts.get(request.removeprefix("crypto-"), ())
        asked = (f"crypto-{word}" for part in parts for word in words_of(part.request))
        return (names[alias] for alias in dict.fromkeys(asked) if names.get(alias))

    def _other(self, resolution: Resolution, name: str) -> PlannedModule:
        autoload = None
        if resolution.state in (ResolutionState.LIVE, ResolutionState.UNKNOWN):
            autoload = self._autoload(name, accelerator=False)
        why = resolution.title or f"answers {resolution.request}"
        if resolution.state in SERVED and resolution.evidence:
            why = f"{why}; {resolution.evidence}"
        return PlannedModule(
            name=name,
            request=resolution.request,
            state=resolution.state,
            autoload=autoload,
            why=clean(why),
        )

    def _autoload(self, name: str, *, accelerator: bool) -> bool | None:
        # a kernel that is sealed after it was booted loads nothing by the time a daemon asks
        if self._facts.modules_disabled:
            return False
        return self.loading.of(name, accelerator=accelerator).works

    def _is_live(self, name: str) -> bool:
        return (self._facts.modules or {}).get(name) is ModuleState.LIVE

    def _name(self, request: str, module: str) -> str:
        """The module's name, if it is one and who reads the plan can tell that it is meant."""
        visible = self._facts.module_index or self._is_live(module)
        return module if visible and self._known.module(request, module) else ""


def _few_sources(need: AnyNeed) -> AnyNeed:
    sources = (s._replace(where=clean(s.where), text=clean(s.text)) for s in need.sources)
    # who reads the plan must still learn that one of many makes a gateway
    few = sorted(dict.fromkeys(sources), key=lambda source: -len(source.forwards))
    return need._replace(sources=tuple(few[:MAX_SOURCES]))


def _blockers(
    verdicts: Sequence[NeedVerdict],
    modules: Sequence[PlannedModule],
    facts: Facts,
    loading: AutoloadPolicy,
) -> Iterator[Blocker]:
    """Each obstacle once, now or after the next boot, and why the kernel loads nothing itself."""
    obstacles: dict[Obstacle, None] = {}
    for judged in verdicts:
        obstacles |= {reason.obstacle: None for reason in judged.reasons if reason.obstacle}
        obstacles |= {
            obstacle: None
            for resolution in judged.resolutions
            if not resolution.accelerator
            for obstacle in resolution.obstacles
        }
    seen = set()
    for obstacle in obstacles:
        if (obstacle.kind, obstacle.text) not in seen:
            seen.add((obstacle.kind, obstacle.text))
            module = obstacle.module if _plain(obstacle.module) else ""
            text, remedy = clean(obstacle.text), clean(obstacle.remedy)
            yield Blocker(obstacle.kind.name, module, text, remedy)
    autoload = loading.of("", accelerator=False)
    if facts.running and autoload.works is False and any(m.must_come for m in modules):
        remedy = "load what is listed before the daemon starts"
        yield Blocker(AUTOLOAD_OFF, "", clean(autoload.why), remedy)


def _plain(name: str) -> bool:
    return name.replace("_", "").replace("-", "").isalnum() and name.isascii()
