# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel asks for on the way to each need, whoever answers: from the map alone. Pure.

Follows the kernel's own order (crypto/api.c crypto_larval_lookup): the whole name, then the
template, then its arguments; and what no name shows.
"""

from modprobe_ipsec.base.annotations import Mapping, Sequence
from modprobe_ipsec.base.names import arguments, expand, split
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.base.version import numbers
from modprobe_ipsec.catalog.model import CardFeature, Catalog, ModuleRequest
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed

Version = tuple[int, int]


class CryptoRequest(Value):
    """One name that the kernel asks its crypto API for, and what it falls back on."""

    # rfc4106(gcm(aes))
    name: str
    # What makes it of its parts: rfc4106; the name itself if it is no more than a word.
    template: str
    # Names that it is made of, in the order in which the kernel asks.
    parts: tuple[str, ...]
    # Those of them of which the kernel's version does not tell whether it asks.
    doubtful: frozenset[str]
    # Packets go through its parts, so that faster ones matter.
    for_packets: bool
    # Names whose module is known to register this one as well.
    instead: tuple[str, ...]


class NeedRequests(Value):
    """What one need asks for."""

    need: AnyNeed
    # Outside the crypto API.
    modules: tuple[ModuleRequest, ...]
    # The whole name that the crypto API is asked for; empty if none.
    crypto: str = ""
    # Its algorithms by the names of net/xfrm/xfrm_algo.c.
    algorithms: tuple[str, ...] = ()
    # A feature of a network card, which no module brings.
    card: CardFeature | None = None
    # Why no question to the kernel would tell whether it works; empty if one does.
    unproven: str = ""
    # What no kernel has: the transform's label, and why.
    impossible: tuple[tuple[str, str], ...] = ()


class Requests(Value):
    """All that some needs ask for."""

    by_need: tuple[NeedRequests, ...]
    # Every name that is asked for on the way, by itself.
    crypto: Mapping[str, CryptoRequest]
    # (0, 0) if the release is no version.
    version: Version


def module_requests(needs: Sequence[AnyNeed], catalog: Catalog, release: str) -> Requests:
    """The requests that a kernel of this release makes for each need, in the needs' order."""
    return with_crypto(tuple(_of_need(need, catalog) for need in needs), catalog, release)


def with_crypto(by_need: tuple[NeedRequests, ...], catalog: Catalog, release: str) -> Requests:
    """These, with every name of the crypto API that is asked for on the way."""
    version = version_of(release)
    crypto: dict[str, CryptoRequest] = {}

    def add(name: str) -> None:
        if name not in crypto:
            crypto[name] = request = _crypto(name, catalog, version)
            for other in (*request.instead, *request.parts):
                add(other)

    for wanted in by_need:
        if wanted.crypto:
            add(wanted.crypto)
    return Requests(by_need=by_need, crypto=crypto, version=version)


def version_of(release: str) -> Version:
    """`6.12.117+deb13-amd64` -> (6, 12); (0, 0) if it is no version."""
    match numbers(release):
        case (major, minor, *_):
            return major, minor
    return 0, 0


def _of_need(need: AnyNeed, catalog: Catalog) -> NeedRequests:
    if isinstance(need, FeatureNeed):
        feature = catalog.features[need.feature]
        return NeedRequests(
            need=need,
            modules=feature.requests[need.family],
            card=feature.card,
            unproven=feature.unproven,
        )
    suite = need.suite
    choices = [choice for choice in (suite.encryption, suite.integrity) if choice]
    algorithms = [choice.transform.xfrm for choice in choices]
    if suite.encryption and not suite.integrity and not suite.encryption.transform.is_aead:
        algorithms.append("digest_null")
    return NeedRequests(
        need=need,
        modules=(catalog.sockets[need.interface], *catalog.types[suite.protocol, need.family]),
        crypto=suite.crypto_name,
        algorithms=tuple(algorithms) if suite.crypto_name else (),
        impossible=need.impossible,
    )


def _crypto(name: str, catalog: Catalog, version: Version) -> CryptoRequest:
    template, argument = split(name)
    doubtful: frozenset[str] = frozenset()
    if template in catalog.parts:
        asked = [(part.request, part.asked(version)) for part in catalog.parts[template]]
        parts = expand((part for part, made in asked if made is not False), argument)
        doubtful = frozenset(expand((part for part, made in asked if made is None), argument))
    else:
        parts = arguments(argument)
    wholes = catalog.whole.items()
    return CryptoRequest(
        name=name,
        template=template,
        parts=tuple(parts),
        doubtful=doubtful,
        for_packets=template not in catalog.not_for_packets,
        instead=tuple(word for word, names in wholes if name in expand(names, word)),
    )
