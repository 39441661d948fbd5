# SPDX-License-Identifier: GPL-3.0-or-later
"""Needs and one host's facts -> the modules to load, in order, each with its reason. Pure.

Planning goes in rounds: what the CPU's own code registers is known only once it is loaded, so such
a load ends a round, and the next one starts from what the kernel then shows.
"""

from modprobe_ipsec.base.annotations import Mapping, Sequence
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.diagnose.finding import SERVED, LoadFailure, Resolution, ResolutionState
from modprobe_ipsec.diagnose.resolver import Resolver
from modprobe_ipsec.host.facts import Algorithm, Facts, ModuleState
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed

_HOPELESS = (ResolutionState.BLOCKED, ResolutionState.ABSENT)

# Deeper than any chain of requests in the map; more would be a loop.
_MAX_ROUNDS = 64


class Outlook(StrEnum):
    """What the plan expects for a need, before anything is tried."""

    READY = "ready"
    SLOW = "slow"
    LOADABLE = "loadable"
    BLOCKED = "blocked"
    MISSING = "missing"
    UNKNOWN = "unknown"


class Step(Value):
    """One module to load, with what it depends on."""

    module: str
    # What asks for it: xfrm-type-2-50, crypto-aes.
    request: str
    why: str
    # Labels of the needs that it serves.
    needs: tuple[str, ...]
    # Modules that come along because this one cannot do without them, in their order.
    brings: tuple[str, ...]
    # The CPU's own implementation: it may fail with ENODEV, and others may do without it.
    accelerator: bool
    # Names that it is expected to register, beyond that of the request.
    names: tuple[str, ...] = ()


class Forecast(Value):
    """How a need stands: every request it makes, now, and what is to be expected."""

    need: AnyNeed
    # Now; where loading something settles more than itself, only as far as that.
    resolutions: tuple[Resolution, ...]
    # After every step that could be foreseen.
    foreseen: tuple[Resolution, ...]
    outlook: Outlook
    # Why no question to the kernel would tell whether a feature works; empty if one does.
    unproven: str = ""
    # What a network card says instead; empty if none is needed or none says that it can.
    card: str = ""


class Plan(Value):
    """The steps of each round and how every need stands.

    The first round is certain. The later ones are what the map expects; they are planned anew from
    what the kernel shows.
    """

    rounds: tuple[tuple[Step, ...], ...]
    forecasts: tuple[Forecast, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps of all rounds."""
        return tuple(step for steps in self.rounds for step in steps)


def next_round(
    needs: Sequence[AnyNeed], facts: Facts, catalog: Catalog, tried: Mapping[str, LoadFailure]
) -> tuple[Step, ...]:
    """The steps that are certain now; empty if nothing is left to load.

    `tried` are loads of this run that failed.
    """
    resolver = Resolver(facts, catalog, tried)
    return _steps([(need, resolver.need(need)) for need in needs], facts)


def make_plan(
    needs: Sequence[AnyNeed],
    facts: Facts,
    catalog: Catalog,
    tried: Mapping[str, LoadFailure] | None = None,
    *,
    accelerator: bool = True,
) -> Plan:
    """The whole plan as the map foresees it; without `faster`, nothing for speed alone."""
    tried = tried or {}
    resolver = Resolver(facts, catalog, tried, accelerator=accelerator)
    now = [(need, resolver.need(need)) for need in needs]
    rounds: list[tuple[Step, ...]] = []
    later, foreseen = facts, now
    while steps := _steps(foreseen, later):
        rounds.append(steps)
        later = _assume(later, steps)
        resolver = Resolver(later, catalog, tried, accelerator=accelerator)
        foreseen = [(need, resolver.need(need)) for need in needs]
        if len(rounds) > _MAX_ROUNDS:
            # the loader refuses a circle; this is for what it does not see
            loading = ", ".join(step.module for step in steps)
            raise ConfigError(f"data/crypto.yaml: no end of what is to be loaded: {loading}")
    plain = Resolver(facts, catalog, tried, accelerator=False)
    forecasts = (
        Forecast(
            need,
            findings,
            expected,
            _outlook(need, findings, expected, plain),
            unproven=catalog.features[need.feature].unproven
            if isinstance(need, FeatureNeed)
            else "",
            card=next((f.evidence for f in findings if f.of_card), ""),
        )
        for (need, findings), (_, expected) in zip(now, foreseen, strict=True)
    )
    return Plan(tuple(rounds), tuple(forecasts))


def _steps(
    found: Sequence[tuple[AnyNeed, tuple[Resolution, ...]]], facts: Facts
) -> tuple[Step, ...]:
    """One step for each module that is to be loaded, the CPU's own code first.

    First, because a faster driver serves only SAs that are built after it came.
    """
    steps: dict[str, Step] = {}
    for need, findings in found:
        if any(finding.state in _HOPELESS and not finding.accelerator for finding in findings):
            # half of what a need wants serves nobody
            continue
        for finding in findings:
            if finding.state is not ResolutionState.LOADABLE:
                continue
            module = finding.module
            step = steps.get(module)
            if step is None:
                steps[module] = Step(
                    module,
                    finding.request,
                    finding.evidence or finding.title or f"answers {finding.request}",
                    (need.label,),
                    _brings(module, facts),
                    finding.accelerator,
                    finding.brings or (finding.request.removeprefix("crypto-"),),
                )
            elif need.label not in step.needs:
                steps[module] = step._replace(needs=(*step.needs, need.label))
    # What another step brings along needs no step of its own.
    brought = {module for step in steps.values() for module in step.brings}
    wanted = [step for module, step in steps.items() if module not in brought]
    return tuple(sorted(wanted, key=lambda step: not step.accelerator))


def _brings(module: str, facts: Facts) -> tuple[str, ...]:
    """Dependencies that are not there yet, in the order in which they are loaded."""
    file = facts.tree.files.get(module) if facts.tree else None
    live = facts.modules or {}
    # modules.dep lists the nearest first
    return tuple(name for name in reversed(file.deps if file else ()) if name not in live)


def _assume(facts: Facts, steps: Sequence[Step]) -> Facts:
    """The facts as they should be once these steps are done."""
    modules = dict(facts.modules or {})
    algorithms = list(facts.algorithms or ())
    for step in steps:
        for module in (*step.brings, step.module):
            modules[module] = ModuleState.LIVE
        algorithms += [Algorithm(name, step.module, step.module, 0, "") for name in step.names]
    return facts._replace(modules=modules, algorithms=tuple(algorithms))


def _outlook(
    need: AnyNeed, now: Sequence[Resolution], expected: Sequence[Resolution], plain: Resolver
) -> Outlook:
    lacking = {f.state for f in expected if f.state not in SERVED and not f.accelerator}
    for state, outlook in _LACKING.items():
        if state in lacking:
            return outlook
    if all(finding.state in SERVED for finding in now):
        return Outlook.READY
    if all(finding.state in SERVED for finding in plain.need(need)):
        return Outlook.SLOW
    return Outlook.LOADABLE


_LACKING = {
    ResolutionState.ABSENT: Outlook.MISSING,
    ResolutionState.BLOCKED: Outlook.BLOCKED,
    ResolutionState.UNKNOWN: Outlook.UNKNOWN,
}
