# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers for one host: what serves a request of the kernel, would serve it, or is in the way.

Follows the kernel's own order (crypto/api.c crypto_larval_lookup): the whole name, then the
template, then its arguments. Pure: facts in, findings out.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from modprobe_ipsec.catalog.model import Catalog, Request
from modprobe_ipsec.catalog.names import arguments, expand, split
from modprobe_ipsec.catalog.obstacles import Symptom
from modprobe_ipsec.demand.need import AnyNeed, FeatureNeed, Suite
from modprobe_ipsec.host.cpu import matches
from modprobe_ipsec.host.facts import Algorithm, Facts, ModuleIndex, ModuleState
from modprobe_ipsec.obstacle import FORBIDS, Autoload, Kind, Obstacle
from modprobe_ipsec.obstacle.loading import Loading
from modprobe_ipsec.obstacle.survey import Survey
from modprobe_ipsec.obstacle.tree import Tree


class State(StrEnum):
    """How what a request needs stands on this host."""

    BUILTIN = "builtin"
    LIVE = "live"
    LOADABLE = "loadable"
    BLOCKED = "blocked"
    ABSENT = "absent"
    UNKNOWN = "unknown"


SERVED = frozenset({State.BUILTIN, State.LIVE})
_LACKING = frozenset({State.BLOCKED, State.ABSENT, State.UNKNOWN})


class Finding(NamedTuple):
    """How one request stands, and by what evidence."""

    # As the kernel makes it: xfrm-type-2-50, crypto-gcm
    request: str
    state: State
    # The module that answers it or would; empty if none is known.
    module: str = ""
    # The evidence in words, with its place.
    because: str = ""
    remedy: str = ""
    # Not needed for the answer, only for speed: the CPU's own implementation.
    faster: bool = False
    # Names that the module is expected to register, once loaded.
    brings: tuple[str, ...] = ()
    # What stands in the way, if that is known.
    obstacle: Obstacle | None = None
    # What the request is for, in words, where it has a name of its own.
    title: str = ""
    # Whether the kernel would load it by itself; only of what is loadable.
    autoload: Autoload | None = None
    # What is seen where it stays without an answer; only of what cannot be had.
    symptom: Symptom | None = None


class Failure(NamedTuple):
    """A load that was tried in this run and did not bring the module."""

    state: State
    because: str
    remedy: str = ""
    # This process was not allowed to.
    denied: bool = False


class Resolver:
    """Looks requests up on one host. `tried` are loads of this run that failed, by module."""

    def __init__(
        self,
        facts: Facts,
        catalog: Catalog,
        tried: Mapping[str, Failure] | None = None,
        *,
        faster: bool = True,
    ) -> None:
        self._facts = facts
        self._catalog = catalog
        self._tried = tried or {}
        self._want_faster = faster
        self._version = _version(facts.release)
        self._arch = _ARCH_DIRECTORIES.get(facts.arch, facts.arch)
        self._memo: dict[str, tuple[Finding, ...]] = {}
        self._twin: Resolver | None = None
        self._survey = Survey(facts, catalog)
        self._tree = Tree(facts, catalog.lore)
        self._loading = Loading(facts, catalog.lore)
        self._registered: dict[str, Algorithm] = {}
        for algorithm in facts.algorithms or ():
            best = self._registered.get(algorithm.name)
            if best is None or algorithm.priority > best.priority:
                self._registered[algorithm.name] = algorithm

    def need(self, need: AnyNeed) -> tuple[Finding, ...]:
        """All requests that a need makes, in the order in which the kernel makes them."""
        return tuple(
            finding._replace(symptom=self._survey.symptom(finding.request))
            if finding.state in _LACKING and not finding.faster
            else finding
            for finding in self._need(need)
        )

    def _need(self, need: AnyNeed) -> tuple[Finding, ...]:
        if isinstance(need, FeatureNeed):
            requests = self._catalog.features[need.feature].requests
            return tuple(self.request(request) for request in requests[need.family])
        suite = need.suite
        findings = [self.request(self._catalog.xfrm)]
        types = self._catalog.types[suite.protocol, need.family]
        findings += [self.request(request) for request in types]
        name = suite.crypto_name
        if name:
            findings += self._forbidden(suite)
            findings += self.crypto(name)
        else:
            choices = (c for c in (suite.encryption, suite.integrity) if c and not c.transform.xfrm)
            findings += [
                Finding(
                    c.label,
                    State.ABSENT,
                    because=c.transform.why_not,
                    remedy="choose another algorithm",
                )
                for c in choices
            ]
        return tuple(dict.fromkeys(findings))

    def _forbidden(self, suite: Suite) -> list[Finding]:
        """Algorithms that this kernel does not give out in FIPS mode, whatever is loaded."""
        if not self._facts.fips:
            return []
        forbidden = {
            part.request
            for part in self._catalog.not_fips
            if part.since <= self._version < part.before
        }
        names = [c.transform.xfrm for c in (suite.encryption, suite.integrity) if c]
        if suite.encryption and not suite.integrity and not suite.encryption.transform.is_aead:
            names.append("digest_null")
        return [
            _blocked(f"crypto-{name}", name, self._survey.fips(name))
            for name in names
            if name in forbidden
        ]

    def request(self, request: Request) -> Finding:
        """A request outside the crypto API."""
        finding = self._provider(request.alias, request.module, request.config)
        return finding._replace(title=request.title)

    def crypto(self, name: str) -> tuple[Finding, ...]:
        """All that the kernel asks its crypto API for on the way to `name`.

        Where a finding is loadable and its load may settle more than itself, the rest is left out:
        load it, look again, resolve again.
        """
        if name not in self._memo:
            self._memo[name] = self._crypto(name)
        return self._memo[name]

    def _crypto(self, name: str) -> tuple[Finding, ...]:
        if self._is_gone(name):
            return ()
        faster = self._faster(name) if self._want_faster else None
        if faster and faster.state is State.LOADABLE:
            return (faster,)
        # An accelerator that the admin forbade is no obstacle, but it is worth a word.
        extra = (faster,) if faster else ()
        served = self._registered.get(name)
        if served:
            return (_registered(served), *extra, *self._faster_parts(served))
        for primitive, names in self._catalog.whole.get("any", {}).items():
            if name in expand(names, primitive):
                first = self.crypto(primitive)
                if any(finding.state is State.LOADABLE for finding in first):
                    return first
        own = self._provider(f"crypto-{name}", name, self._catalog.config.get(name, ""))
        template, argument = split(name)
        if not argument:
            return (*self._parts(template, ""), own, *extra)
        if own.state is State.LOADABLE:
            return (own, *extra)
        option = self._catalog.config.get(template, "")
        route = (
            *self._parts(template, argument),
            self._provider(f"crypto-{template}", template, option),
        )
        if own.state is State.BLOCKED and not all(f.state in SERVED for f in route):
            return (own, *extra)
        return (*route, *extra)

    def _parts(self, template: str, argument: str) -> tuple[Finding, ...]:
        if template in self._catalog.parts:
            wanted = (
                part.request
                for part in self._catalog.parts[template]
                if part.since <= self._version < part.before
            )
            parts = expand(wanted, argument)
        else:
            parts = arguments(argument)
        # no packet goes through the random generator
        resolver = self._plain() if template in self._catalog.not_for_packets else self
        findings = [finding for part in parts for finding in resolver.crypto(part)]
        return tuple(dict.fromkeys(findings))

    def _faster_parts(self, algorithm: Algorithm) -> tuple[Finding, ...]:
        """What would make an algorithm faster that was put together from a template's parts.

        Such an instance, `hmac(sha256-generic)`, is built anew once a better part is registered
        (crypto/algapi.c crypto_remove_spawns).
        """
        template, argument = split(algorithm.name)
        if not argument or "(" not in algorithm.driver:
            return ()
        return tuple(finding for finding in self._parts(template, argument) if finding.faster)

    def _plain(self) -> "Resolver":
        """The same look-up without regard to speed."""
        if not self._want_faster:
            return self
        if self._twin is None:
            self._twin = Resolver(self._facts, self._catalog, self._tried, faster=False)
        return self._twin

    def _is_gone(self, name: str) -> bool:
        """Whether this kernel no longer makes that request (it calls a library function)."""
        until = self._catalog.until.get(name)
        if until is None or self._version <= until.last or (until.fips and self._facts.fips):
            return False
        if self._version >= until.gone:
            return True
        answers = self._registered.keys() | (self._facts.tree.aliases if self._facts.tree else {})
        return name not in answers and f"crypto-{name}" not in answers

    def _faster(self, name: str) -> Finding | None:
        """The CPU's own implementation of a name: the best one that is not live and may fit.

        None if there is none, or the best one is live or built in already.
        """
        index = self._facts.tree
        if index is None:
            return None
        ways: list[tuple[str, tuple[str, ...]]] = [(name, (name,))]
        for primitive, names in self._catalog.whole.get(self._arch, {}).items():
            wholes = expand(names, primitive)
            if name in wholes:
                ways.append((primitive, (primitive, *wholes)))
        for primitive, brings in ways:
            for module in self._candidates(index, primitive):
                alias = f"crypto-{primitive}"
                found = self._module(index, module, alias, faster=True)
                if found.state in SERVED:
                    return None
                if module not in self._tried:
                    because = found.because or f"this CPU's own {primitive}"
                    return found._replace(because=because, faster=True, brings=brings)
        return None

    def _candidates(self, index: ModuleIndex, primitive: str) -> list[str]:
        """Modules with this CPU's implementation of a primitive, the best first."""
        found: dict[str, tuple[bool, int, int]] = {}
        answers = [
            module
            for alias in (f"crypto-{primitive}", f"crypto-{primitive}-all")
            for module in index.aliases.get(alias, ())
        ]
        for module in answers:
            file = index.files.get(module)
            if file is None or module in self._catalog.never_load:
                continue
            patterns = index.cpu_patterns.get(module, ())
            if patterns:
                if not any(matches(self._facts.cpu_modalias, pattern) for pattern in patterns):
                    continue
            elif "kernel/arch/" not in file.path or not self._cpu_has(module):
                continue
            depth = sum(dependency in answers for dependency in file.deps)
            found[module] = (bool(patterns), depth, self._word_rank(module))
        return sorted(found, key=lambda module: found[module], reverse=True)

    def _cpu_has(self, module: str) -> bool:
        """Whether no word in the module's name asks for what this CPU has not."""
        flags = self._facts.cpu_flags
        words = module.split("_")
        asked = [self._catalog.cpu_words[word] for word in words if word in self._catalog.cpu_words]
        return not flags or all(flag in flags for flag in asked)

    def _word_rank(self, module: str) -> int:
        order = list(self._catalog.cpu_words)
        return max(
            (order.index(word) + 1 for word in module.split("_") if word in order), default=0
        )

    def _provider(self, alias: str, name: str, option: str) -> Finding:
        """What answers an alias, by the module index or, without one, by what else is known."""
        index = self._facts.tree
        if index is None:
            return self._without_index(alias, name, option)
        best: Finding | None = None
        named = (name,) if name in index.files or name in index.builtin else ()
        for module in index.aliases.get(alias, named):
            if module in self._catalog.never_load or self._is_for_hardware(module):
                continue
            finding = self._module(index, module, alias)
            if best is None or _RANK[finding.state] < _RANK[best.state]:
                best = finding
        if best:
            return best
        # Code without an alias, or one that came from elsewhere: the kernel's list knows it.
        if (self._facts.modules or {}).get(name) is ModuleState.LIVE:
            return Finding(alias, State.LIVE, name, "/proc/modules")
        config = self._facts.config
        if config and option and config.get(option) == "y":
            return Finding(alias, State.BUILTIN, name, f"/{config.path}: CONFIG_{option}=y")
        if not name and config is None:
            # part of the core or not there at all, and only the configuration would tell
            because = f"no kernel configuration to look CONFIG_{option} up in"
            return Finding(alias, State.UNKNOWN, because=because)
        obstacle = self._tree.nothing_answers(alias, name, option)
        if obstacle:
            return _blocked(alias, "", obstacle, unknown=config is None)
        because = f"no module and no built-in code of {self._facts.release} answers {alias}"
        remedy = f"a kernel with CONFIG_{option}" if option else "another kernel"
        return Finding(alias, State.ABSENT, because=because, remedy=remedy)

    def _without_index(self, alias: str, name: str, option: str) -> Finding:
        facts = self._facts
        # one option builds one module, which may answer to several names: gcm also to rfc4106
        names = [n for n, built_by in self._catalog.config.items() if option and built_by == option]
        for module in (name, *names):
            if (facts.modules or {}).get(module) is ModuleState.LIVE:
                return Finding(alias, State.LIVE, module, "/proc/modules")
        value = facts.config.get(option) if facts.config and option else ""
        if value == "y" and facts.config:
            return Finding(alias, State.BUILTIN, name, f"/{facts.config.path}: CONFIG_{option}=y")
        if value == "n" and (obstacle := self._tree.nothing_answers(alias, name, option)):
            return _blocked(alias, "", obstacle)
        obstacle = self._tree.no_tree(name)
        # who has mounts of its own may miss a tree that the kernel's modprobe sees
        around = facts.around()
        sure = value == "m" and not (around.container or around.own_mounts)
        if sure or (obstacle.kind is Kind.NO_MODULE_SUPPORT and value == "m"):
            return _blocked(alias, name, obstacle)
        found = _blocked(alias, name, obstacle, unknown=True)
        return found._replace(remedy=f"{obstacle.remedy}; or ask the kernel: --check --prove")

    def _is_for_hardware(self, module: str) -> bool:
        """Drivers of accelerator cards come with their device, never for an algorithm's sake."""
        index = self._facts.tree
        file = index.files.get(module) if index else None
        if file is None:
            return False
        return file.path.startswith("kernel/drivers/") or "/arch/" in file.path

    def _module(
        self, index: ModuleIndex, module: str, alias: str, *, faster: bool = False
    ) -> Finding:
        """How a module that answers a request stands."""
        facts = self._facts
        if (facts.modules or {}).get(module) in (ModuleState.LIVE, ModuleState.COMING):
            return Finding(alias, State.LIVE, module, "/proc/modules")
        if module in index.builtin:
            obstacle = self._survey.builtin(module)
            if obstacle:
                return _blocked(alias, module, obstacle)
            return Finding(alias, State.BUILTIN, module, "modules.builtin")
        if module in self._tried:
            failure = self._tried[module]
            obstacle = self._survey.after_failure(module)
            if obstacle:
                return _blocked(alias, module, obstacle)._replace(
                    because=f"{obstacle.text} ({failure.because})"
                )
            remedy = failure.remedy or (self._loading.denied() if failure.denied else "")
            return Finding(alias, failure.state, module, failure.because, remedy)
        if module not in index.files:
            obstacle = self._tree.no_index(module)
            if obstacle:
                return _blocked(alias, module, obstacle)
            return Finding(alias, State.ABSENT, module, f"modules.dep does not list {module}")
        if facts.running and facts.modules is None:
            why = "no list of the modules that are loaded"
            return Finding(alias, State.UNKNOWN, module, why, _ASK)
        obstacle = self._survey.module(module, alias)
        if obstacle:
            return _blocked(alias, module, obstacle)
        return Finding(
            alias,
            State.LOADABLE,
            module,
            self._survey.remark(module),
            self._loading.loader(),
            autoload=self._loading.autoload(module, faster=faster),
        )


_ASK = "ask the kernel: --check --prove"

# Machines whose code lies under another name in arch/.
_ARCH_DIRECTORIES = {"x86_64": "x86", "i686": "x86", "i586": "x86", "aarch64": "arm64"}

_RANK = {
    State.BUILTIN: 0,
    State.LIVE: 0,
    State.LOADABLE: 1,
    State.BLOCKED: 2,
    State.UNKNOWN: 3,
    State.ABSENT: 4,
}


def _blocked(alias: str, module: str, obstacle: Obstacle, *, unknown: bool = False) -> Finding:
    """What cannot be had because of an obstacle; `unknown` where it may be there all the same."""
    state = State.BLOCKED if obstacle.kind in FORBIDS else State.ABSENT
    state = State.UNKNOWN if unknown or not obstacle.sure else state
    return Finding(alias, state, module, obstacle.text, obstacle.remedy, obstacle=obstacle)


def _registered(algorithm: Algorithm) -> Finding:
    state = State.BUILTIN if algorithm.module == "kernel" else State.LIVE
    module = "" if algorithm.module == "kernel" else algorithm.module
    because = f"/proc/crypto: {algorithm.driver}, priority {algorithm.priority}"
    return Finding(f"crypto-{algorithm.name}", state, module, because)


def _version(release: str) -> tuple[int, int]:
    """`6.12.117+deb13-amd64` -> (6, 12); (0, 0) if it is no version."""
    major, _, rest = release.partition(".")
    minor = rest.split(".")[0].split("-")[0].split("+")[0]
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)
