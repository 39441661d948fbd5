# SPDX-License-Identifier: GPL-3.0-or-later
"""Who answers the kernel's requests on one host: code of the kernel, a module, or nobody. Pure.

Only the module index, /proc/modules, /proc/crypto and the configuration speak here; whether
something keeps a module out is asked later, and of all of them at once.
"""

from modprobe_ipsec.base.annotations import Iterable, Mapping
from modprobe_ipsec.base.names import canonical
from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.diagnose.accelerator import Accelerator
from modprobe_ipsec.diagnose.obstacle import kernel_with
from modprobe_ipsec.diagnose.requests import Requests
from modprobe_ipsec.diagnose.resolution import (
    ASK,
    SERVED,
    LoadFailure,
    Resolution,
    ResolutionState,
    Resolved,
)
from modprobe_ipsec.host.facts import Algorithm, Facts, KernelConfig, ModuleIndex, ModuleState
from modprobe_ipsec.host.kernel.modprobe_d import LinesAbout, about

_LISTED = Sentence("/proc/modules", {"kind": "loaded modules", "file": "/proc/modules"})
_BUILT_IN = Sentence("modules.builtin", {"kind": "module index", "file": "modules.builtin"})
_ANOTHER_KERNEL = Sentence("another kernel", {"kind": "another kernel"})
# What is there, or will be without anybody's help.
_THERE = frozenset({ModuleState.LIVE, ModuleState.COMING})


def resolve(
    requests: Requests,
    accelerators: Mapping[str, tuple[Accelerator, ...]],
    facts: Facts,
    catalog: Catalog,
    tried: Mapping[str, LoadFailure],
) -> Resolved:
    """Everybody who answers one of these requests. `tried` are loads of this run that failed."""
    registered = _registered(facts.algorithms or ())
    assembled = frozenset(name for name, best in registered.items() if "(" in best.driver)
    known = catalog.architecture(facts.arch).modules
    with_fallback = frozenset((module, name) for module in known for name in known[module].fallback)
    found = _Answers(facts, catalog, tried)
    for wanted in requests.by_need:
        for request in wanted.modules:
            found.look_up(request.alias, request.module, request.config, by_name=True)
    asked: set[str] = set()
    faster: dict[str, Resolution] = {}
    left = [wanted.crypto for wanted in requests.by_need if wanted.crypto]
    while left:
        name = left.pop()
        if name in asked or found.is_gone(name, requests.version, registered):
            continue
        asked.add(name)
        if best := found.best(name, accelerators.get(name, ())):
            faster[name] = best
        # What is registered is found, and the kernel looks no further; but what it put together
        # from parts is built anew once a better part comes (crypto/algapi.c crypto_remove_spawns).
        by_itself = name in registered and (registered[name].module, name) not in with_fallback
        if by_itself and name not in assembled:
            continue
        crypto = requests.crypto[name]
        left += (*crypto.instead, *crypto.parts)
        if not by_itself:
            if name != crypto.template:
                found.look_up_whole(f"crypto-{name}")
            word = crypto.template
            found.look_up(f"crypto-{word}", word, catalog.config.get(word, ""))
    answers, faster, lines = _with_lines(found.by_alias, faster, facts)
    return Resolved(
        requests=requests,
        asked=frozenset(asked),
        registered={name: _of_algorithm(best, catalog) for name, best in registered.items()},
        assembled=assembled,
        answers=answers,
        cards=_cards(requests, facts),
        lines=lines,
        in_fips=_in_fips(requests, facts, catalog),
        accelerators=faster,
        with_fallback=with_fallback,
    )


def _with_lines(
    answers: dict[str, tuple[Resolution, ...]], faster: dict[str, Resolution], facts: Facts
) -> tuple[dict[str, tuple[Resolution, ...]], dict[str, Resolution], dict[str, LinesAbout]]:
    """All of these with their soft dependencies, and what the admin's lines say about them.

    Soft dependencies are those of the module and of all that it depends on: libkmod loads them
    along and does not mind if it cannot.
    """
    groups = (*answers.values(), tuple(faster.values()))
    to_come = [r for group in groups for r in group if r.state not in SERVED and r.module]
    if not to_come:
        return answers, faster, {}
    names = [name for r in to_come for name in (r.request, r.module, *r.dependencies)]
    lines = about(names, facts.rules, facts.module_index)
    index, modules = facts.module_index, facts.modules or {}

    def soft(resolution: Resolution) -> Resolution:
        if resolution.state is not ResolutionState.LOADABLE or index is None:
            return resolution
        there = (resolution.module, *resolution.dependencies)
        wanted = (word for name in there for word in lines[name].softdeps)
        found = {
            module: None
            for word in wanted
            for module in index.aliases.get(word, (canonical(word),))
            if module in index.files and module not in there and modules.get(module) not in _THERE
        }
        return resolution._replace(soft_dependencies=tuple(found)) if found else resolution

    return (
        {alias: tuple(map(soft, group)) for alias, group in answers.items()},
        {name: soft(resolution) for name, resolution in faster.items()},
        lines,
    )


class _Answers:
    """Looks single requests up, each once."""

    def __init__(self, facts: Facts, catalog: Catalog, tried: Mapping[str, LoadFailure]) -> None:
        self.by_alias: dict[str, tuple[Resolution, ...]] = {}
        self._facts = facts
        self._catalog = catalog
        self._tried = tried
        self._modules = facts.modules or {}
        self._of_cpu = catalog.architecture(facts.arch).modules

    def look_up(self, alias: str, name: str, option: str, *, by_name: bool = False) -> None:
        """Everybody who answers an alias, or one who says that nobody does.

        `name` is that of the module on kernels so far, `option` the one that builds it. `by_name`:
        the request is for this very module, and not for whatever serves an algorithm.
        """
        if alias in self.by_alias:
            return
        index = self._facts.module_index
        if index is None:
            self.by_alias[alias] = (self._without_index(alias, name, option),)
            return
        named = (name,) if name in index.files or name in index.builtin else ()
        found = []
        for module in index.aliases.get(alias, named):
            never = self._never(module, alias)
            if not by_name and self._is_for_hardware(index, module):
                continue
            answer = self._module(index, module, alias)
            if not never and module in self._catalog.never_load:
                answer = self._after_all(answer)
            found.append(answer._replace(never=never))
        there = [answer for answer in found if answer.state in SERVED]
        wanted = there or [answer for answer in found if not answer.never]
        if not wanted:
            other = self._without_alias(alias, name, option)
            # what we never load is still more than nothing
            wanted = [other] if other.state in SERVED or not found else found
        self.by_alias[alias] = tuple(wanted)

    def _never(self, module: str, alias: str) -> str:
        """Why a module is not loaded for this request; empty if it is."""
        rule = self._catalog.never_load.get(module)
        return rule.why if rule and rule.unless != alias else ""

    def _after_all(self, answer: Resolution) -> Resolution:
        """What else would never be loaded: whoever has it loaded is to know what that means."""
        if answer.state is not ResolutionState.LOADABLE or answer.evidence:
            return answer
        then = self._catalog.never_load[answer.module].then
        return answer._replace(evidence=Sentence(then, {"kind": "map", "module": answer.module}))

    def best(self, name: str, accelerators: Iterable[Accelerator]) -> Resolution | None:
        """The first of these that may still serve a name; None if one that is there does.

        One whose load failed, or that is there and has not registered it, does not.
        """
        index = self._facts.module_index
        if index is None:
            return None
        for chosen in accelerators:
            if chosen.module in self._tried:
                continue
            answer = self._module(index, chosen.module, chosen.alias)
            if answer.state in SERVED:
                if answer.state is ResolutionState.LIVE and not self._serves(name, chosen.module):
                    continue
                return None
            own = chosen.alias.removeprefix("crypto-")
            fact = {"kind": "cpu", "algorithm": own}
            why = answer.evidence or Sentence(f"this CPU's own {own}", fact)
            return answer._replace(
                evidence=why,
                accelerator=True,
                unlikely=not chosen.likely,
                registers=chosen.registers,
            )
        return None

    def look_up_whole(self, alias: str) -> None:
        """The modules that have a name as a whole, which spares the kernel the template.

        Nobody need have it, and who is there already stands in /proc/crypto.
        """
        index = self._facts.module_index
        if index is None or alias in self.by_alias:
            return
        answers = [
            self._module(index, module, alias)
            for module in index.aliases.get(alias, ())
            if module not in self._catalog.never_load and not self._is_for_hardware(index, module)
        ]
        wanted = [a for a in answers if a.state is ResolutionState.LOADABLE or a.failure]
        if wanted:
            self.by_alias[alias] = tuple(wanted)

    def is_gone(
        self, name: str, version: tuple[int, int], registered: Mapping[str, Algorithm]
    ) -> bool:
        """Whether this kernel does not make that request: it calls a library function instead.

        Distributions carry such a change back, never forward. So a version at or beyond it decides;
        before it decides what is there: code selects in Kconfig what it asks for.
        """
        until = self._catalog.until.get(name)
        facts = self._facts
        if until is None or (until.fips and facts.fips):
            return False
        if version >= until.gone:
            return True
        aliases = facts.module_index.aliases if facts.module_index else {}
        if name in registered or name in aliases or f"crypto-{name}" in aliases:
            return False
        if version > until.last:
            return True
        option = self._catalog.config.get(name, "")
        return bool(facts.config and option and facts.config.get(option) == "n")

    def _without_alias(self, alias: str, name: str, option: str) -> Resolution:
        """Code without an alias, or one that came from elsewhere: the kernel's lists know it."""
        facts = self._facts
        answer = Resolution(alias, ResolutionState.LIVE, name, name=name, option=option)
        if self._modules.get(name) is ModuleState.LIVE:
            return answer._replace(evidence=_LISTED)
        config = facts.config
        if config and option and config.get(option) == "y":
            evidence = _configured(config, option)
            return answer._replace(state=ResolutionState.BUILTIN, evidence=evidence)
        answer = answer._replace(module="", state=ResolutionState.ABSENT)
        if not name and config is None:
            # part of the core or not there at all, and only the configuration would tell
            evidence = Sentence(
                f"no kernel configuration to look CONFIG_{option} up in",
                {"kind": "no kernel configuration", "option": f"CONFIG_{option}"},
            )
            return answer._replace(state=ResolutionState.UNKNOWN, evidence=evidence)
        if config is None and alias.removeprefix("crypto-") in self._catalog.until:
            evidence = Sentence(
                f"nothing answers {alias}, and a version alone does not tell who still asks",
                {"kind": "kernel release", "release": facts.release},
            )
            return answer._replace(state=ResolutionState.UNKNOWN, evidence=evidence, remedy=ASK)
        return answer._replace(
            evidence=Sentence(
                f"no module and no built-in code of {facts.release} answers {alias}",
                {"kind": "module index", "release": facts.release},
            ),
            remedy=kernel_with(f"CONFIG_{option}") if option else _ANOTHER_KERNEL,
        )

    def _without_index(self, alias: str, name: str, option: str) -> Resolution:
        facts = self._facts
        answer = Resolution(alias, ResolutionState.LIVE, name, name=name, option=option)
        # one option builds one module, which may answer to several names: gcm also to rfc4106
        names = [n for n, built_by in self._catalog.config.items() if option and built_by == option]
        for module in (name, *names):
            if self._modules.get(module) is ModuleState.LIVE:
                return answer._replace(module=module, evidence=_LISTED)
        if facts.config and option and facts.config.get(option) == "y":
            evidence = _configured(facts.config, option)
            return answer._replace(state=ResolutionState.BUILTIN, evidence=evidence)
        return answer._replace(state=ResolutionState.UNKNOWN)

    def _module(self, index: ModuleIndex, module: str, alias: str) -> Resolution:
        """How a module that answers an alias stands, if nothing keeps it out."""
        facts, state = self._facts, self._modules.get(module)
        if state is ModuleState.LIVE:
            return Resolution(alias, ResolutionState.LIVE, module, _LISTED)
        if module in index.builtin:
            return Resolution(alias, ResolutionState.BUILTIN, module, _BUILT_IN)
        if module in self._tried:
            failure = self._tried[module]
            answer = Resolution(alias, failure.state, module, failure.evidence, failure.remedy)
            return answer._replace(failure=failure, dependencies=self._to_come(index, module))
        if module not in index.files:
            evidence = Sentence(
                f"modules.dep does not list {module}",
                {"kind": "module index", "file": "modules.dep", "module": module},
            )
            return Resolution(alias, ResolutionState.ABSENT, module, evidence)
        if facts.running and facts.modules is None:
            evidence = Sentence("no list of the modules that are loaded", {"kind": "no list"})
            return Resolution(alias, ResolutionState.UNKNOWN, module, evidence, ASK)
        answer = Resolution(alias, ResolutionState.LOADABLE, module)
        if state is ModuleState.COMING:
            fact = {"kind": "loaded modules", "file": "/proc/modules", "module": module}
            said = Sentence(f"{module} is still being loaded (/proc/modules)", fact)
            return answer._replace(evidence=said)
        return answer._replace(dependencies=self._to_come(index, module))

    def _is_for_hardware(self, index: ModuleIndex, module: str) -> bool:
        """Drivers of accelerator cards come with their device, never for an algorithm's sake.

        And the CPU's own code is no answer, but an accelerator.
        """
        if module not in index.files:
            return False
        path = index.files[module].path
        if path.startswith("kernel/drivers/") or "/arch/" in path or module in self._of_cpu:
            return True
        # where all of them lie flat, an alias of the CPU's tells
        return "/" not in path and module in index.cpu_patterns

    def _serves(self, name: str, module: str) -> bool:
        """Whether a module that is there has registered a name, as far as /proc/crypto tells."""
        algorithms = self._facts.algorithms
        return algorithms is None or any(a.name == name and a.module == module for a in algorithms)

    def _to_come(self, index: ModuleIndex, module: str) -> tuple[str, ...]:
        """Dependencies that are not there yet, in the order in which they are loaded."""
        # modules.dep lists the nearest first
        deps = reversed(index.files[module].deps if module in index.files else ())
        return tuple(name for name in deps if self._modules.get(name) not in _THERE)


def _configured(config: KernelConfig, option: str) -> Sentence:
    """Built-in code, by the kernel's configuration."""
    path, name = f"/{config.path}", f"CONFIG_{option}"
    fact = {"kind": "kernel configuration", "file": path, "option": name, "value": "y"}
    return Sentence(f"{path}: {name}=y", fact)


def _registered(algorithms: Iterable[Algorithm]) -> dict[str, Algorithm]:
    """The best of each name in /proc/crypto."""
    best: dict[str, Algorithm] = {}
    for algorithm in algorithms:
        known = best.get(algorithm.name)
        if known is None or algorithm.priority > known.priority:
            best[algorithm.name] = algorithm
    return best


def _of_algorithm(algorithm: Algorithm, catalog: Catalog) -> Resolution:
    built_in = algorithm.module == "kernel"
    engines = (rule for rule in catalog.never_load.values() if rule.driver)
    return Resolution(
        request=f"crypto-{algorithm.name}",
        state=ResolutionState.BUILTIN if built_in else ResolutionState.LIVE,
        module="" if built_in else algorithm.module,
        evidence=Sentence(
            f"/proc/crypto: {algorithm.driver}, priority {algorithm.priority}",
            {
                "kind": "algorithms",
                "file": "/proc/crypto",
                "driver": algorithm.driver,
                "priority": algorithm.priority,
            },
        ),
        engine=next((rule.why for rule in engines if rule.driver in algorithm.driver), ""),
    )


def _cards(requests: Requests, facts: Facts) -> dict[str, Resolution]:
    """What the network cards say; nothing where none is needed or none can be asked."""
    features = {wanted.card.name: wanted.card for wanted in requests.by_need if wanted.card}
    cards = facts.cards() if features else None
    if cards is None:
        return {}
    from modprobe_ipsec.diagnose import card

    return {name: card.answer(cards, feature) for name, feature in features.items()}


def _in_fips(requests: Requests, facts: Facts, catalog: Catalog) -> dict[str, Resolution]:
    """The algorithms that FIPS mode may forbid; nothing outside of it."""
    if not facts.fips:
        return {}
    listed = {part.request for part in catalog.not_fips}
    names = dict.fromkeys(name for wanted in requests.by_need for name in wanted.algorithms)
    return {
        name: Resolution(f"crypto-{name}", ResolutionState.UNKNOWN, name)
        for name in names
        if name in listed
    }
