# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers for one host: what serves a request of the kernel, would serve it, or is in the way.

Follows the kernel's own order (crypto/api.c crypto_larval_lookup): the whole name, then the
template, then its arguments. Pure: facts in, findings out.
"""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.crypto_names import arguments, expand, split
from modprobe_ipsec.catalog.model import CardFeature, Catalog, ModuleRequest
from modprobe_ipsec.diagnose.accelerator import Accelerators
from modprobe_ipsec.diagnose.finding import (
    LACKING,
    SERVED,
    LoadFailure,
    Resolution,
    ResolutionState,
    blocked,
    registered,
)
from modprobe_ipsec.diagnose.obstacles.survey import ObstacleFinder
from modprobe_ipsec.diagnose.provider import Providers
from modprobe_ipsec.host.facts import Algorithm, Facts
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed, Suite


class Resolver:
    """Looks requests up on one host. `tried` are loads of this run that failed, by module."""

    def __init__(
        self,
        facts: Facts,
        catalog: Catalog,
        tried: Mapping[str, LoadFailure] | None = None,
        *,
        accelerator: bool = True,
    ) -> None:
        self._facts = facts
        self._catalog = catalog
        self._tried = tried or {}
        self._want_faster = accelerator
        self._version = _version(facts.release)
        self._memo: dict[str, tuple[Resolution, ...]] = {}
        self._twin: Resolver | None = None
        self._survey = ObstacleFinder(facts, catalog)
        self._providers = Providers(facts, catalog, self._survey, self._tried)
        self._accelerators = Accelerators(facts, catalog, self._providers, self._tried)
        self._registered: dict[str, Algorithm] = {}
        for algorithm in facts.algorithms or ():
            best = self._registered.get(algorithm.name)
            if best is None or algorithm.priority > best.priority:
                self._registered[algorithm.name] = algorithm

    def need(self, need: AnyNeed) -> tuple[Resolution, ...]:
        """All requests that a need makes, in the order in which the kernel makes them."""
        return tuple(
            finding._replace(symptom=self._survey.symptom(finding.request))
            if finding.state in LACKING and not finding.accelerator
            else finding
            for finding in self._need(need)
        )

    def _need(self, need: AnyNeed) -> tuple[Resolution, ...]:
        if isinstance(need, FeatureNeed):
            feature = self._catalog.features[need.feature]
            findings = [self.request(request) for request in feature.requests[need.family]]
            return (*findings, *self._card(feature.card))
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
                Resolution(
                    c.label,
                    ResolutionState.ABSENT,
                    evidence=c.transform.why_not,
                    remedy="choose another algorithm",
                )
                for c in choices
            ]
        return tuple(dict.fromkeys(findings))

    def _card(self, feature: CardFeature | None) -> tuple[Resolution, ...]:
        """What the network cards say; nothing where none is needed or none can be asked."""
        cards = self._facts.cards() if feature else None
        if feature is None or cards is None:
            return ()
        from modprobe_ipsec.diagnose import card

        return (card.answer(cards, feature),)

    def _forbidden(self, suite: Suite) -> list[Resolution]:
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
            blocked(f"crypto-{name}", name, self._survey.fips(name))
            for name in names
            if name in forbidden
        ]

    def request(self, request: ModuleRequest) -> Resolution:
        """A request outside the crypto API."""
        finding = self._providers.answer(request.alias, request.module, request.config)
        return finding._replace(title=request.title)

    def crypto(self, name: str) -> tuple[Resolution, ...]:
        """All that the kernel asks its crypto API for on the way to `name`.

        Where a finding is loadable and its load may settle more than itself, the rest is left out:
        load it, look again, resolve again.
        """
        if name not in self._memo:
            self._memo[name] = self._crypto(name)
        return self._memo[name]

    def _crypto(self, name: str) -> tuple[Resolution, ...]:
        if self._is_gone(name):
            return ()
        accelerator = self._accelerators.best(name) if self._want_faster else None
        if accelerator and accelerator.state is ResolutionState.LOADABLE:
            return (accelerator,)
        # An accelerator that the admin forbade is no obstacle, but it is worth a word.
        extra = (accelerator,) if accelerator else ()
        served = self._registered.get(name)
        if served:
            return (registered(served), *extra, *self._faster_parts(served))
        for primitive, names in self._catalog.whole.get("any", {}).items():
            if name in expand(names, primitive):
                first = self.crypto(primitive)
                if any(finding.state is ResolutionState.LOADABLE for finding in first):
                    return first
        own = self._providers.answer(f"crypto-{name}", name, self._catalog.config.get(name, ""))
        template, argument = split(name)
        if not argument:
            return (*self._parts(template, ""), own, *extra)
        if own.state is ResolutionState.LOADABLE:
            return (own, *extra)
        option = self._catalog.config.get(template, "")
        route = (
            *self._parts(template, argument),
            self._providers.answer(f"crypto-{template}", template, option),
        )
        if own.state is ResolutionState.BLOCKED and not all(f.state in SERVED for f in route):
            return (own, *extra)
        return (*route, *extra)

    def _parts(self, template: str, argument: str) -> tuple[Resolution, ...]:
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

    def _faster_parts(self, algorithm: Algorithm) -> tuple[Resolution, ...]:
        """What would make an algorithm faster that was put together from a template's parts.

        Such an instance, `hmac(sha256-generic)`, is built anew once a better part is registered
        (crypto/algapi.c crypto_remove_spawns).
        """
        template, argument = split(algorithm.name)
        if not argument or "(" not in algorithm.driver:
            return ()
        return tuple(finding for finding in self._parts(template, argument) if finding.accelerator)

    def _plain(self) -> "Resolver":
        """The same look-up without regard to speed."""
        if not self._want_faster:
            return self
        if self._twin is None:
            self._twin = Resolver(self._facts, self._catalog, self._tried, accelerator=False)
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


def _version(release: str) -> tuple[int, int]:
    """`6.12.117+deb13-amd64` -> (6, 12); (0, 0) if it is no version."""
    major, _, rest = release.partition(".")
    minor = rest.split(".")[0].split("-")[0].split("+")[0]
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)
