# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the map can ever ask for: the one allow-list of requests, modules and algorithms.

A host plan that names anything else is refused, and a record of a host holds nothing else.
"""

import re

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.base.names import words_of
from modprobe_ipsec.catalog.model import Catalog, ModuleRequest

_REQUEST = re.compile(r"crypto-[a-z0-9_(),]{1,100}")
_NAME = re.compile(r"[a-zA-Z0-9_]{1,55}")
_LETTERS = re.compile(r"[a-z]+")
# What the kernel itself puts around a cipher and its hash, or in place of one.
# source: Suite.crypto_name
_AROUND = ("authenc", "authencesn", "digest_null")


class Reach:
    """Tells what the map can ask for from everything else."""

    __slots__ = (
        "_never_load",
        "_of_cpus",
        "_options",
        "_plain",
        "_words",
        "machine_options",
        "modules",
    )

    def __init__(self, catalog: Catalog) -> None:
        self._never_load = catalog.never_load
        # Module by request, outside of the crypto API.
        self._plain = {asked.alias: asked.module for asked in _plain(catalog)}
        self._options = {name: option.lower() for name, option in catalog.config.items()}
        self._words = frozenset(_words(catalog))
        # Modules that are asked for by name where no alias is known, and those that a line of
        # initcall_blacklist= may be about.
        # CPUs' own modules, whose names may say nothing of what they register: vmx_crypto
        of_cpus = [module for of in catalog.architectures.values() for module in of.modules]
        self.modules = frozenset(
            (
                *filter(None, self._plain.values()),
                *catalog.config,
                *catalog.knowledge.initcalls,
                *of_cpus,
            )
        )
        machines = catalog.architectures.values()
        self.machine_options = frozenset(option for of in machines for option in of.config)
        self._of_cpus = frozenset(of_cpus)

    def request(self, request: str) -> bool:
        """Whether some need can make this request: xfrm-type-2-50, crypto-seqiv."""
        if request in self._plain:
            return True
        return bool(_REQUEST.fullmatch(request)) and self.algorithm(request[7:])

    def alias(self, alias: str) -> bool:
        """Whether an alias can answer a request: as `request`, or crypto-aes-all."""
        return self.request(alias.removesuffix("-all"))

    def algorithm(self, name: str) -> bool:
        """Whether a name of the crypto API is made of nothing but what the map knows."""
        return all(word in self._words for word in words_of(name))

    def module(self, request: str, name: str) -> bool:
        """Whether a module of this name can be what answers a request, on some kernel.

        Names of the crypto API's modules change with every kernel, but not freely: they begin as
        the algorithm does (aesni_intel, sha2_ce for crypto-sha256), or are named for the option
        that builds them (drbg for crypto-stdrng).
        """
        if not _NAME.fullmatch(name) or not self.request(request):
            return False
        if name in self._never_load and self._never_load[name].unless != request:
            return False
        if request in self._plain:
            return name == self._plain[request]
        if name in self._of_cpus:
            return True
        return any(self._fits(word, name) for word in words_of(request[7:]))

    def _fits(self, word: str, name: str) -> bool:
        option = self._options.get(word, "")
        if option and name.removesuffix("_generic") in (option, option.removeprefix("crypto_")):
            return True
        stem = _LETTERS.match(word)
        return stem is not None and name.startswith(stem[0])


def module_requests_of(catalog: Catalog) -> dict[str, tuple[ModuleRequest, ...]]:
    """Every request outside of the crypto API that some need can make, by its alias."""
    found: dict[str, tuple[ModuleRequest, ...]] = {}
    for request in _plain(catalog):
        found[request.alias] = (*found.get(request.alias, ()), request)
    return found


def _plain(catalog: Catalog) -> Iterator[ModuleRequest]:
    yield from catalog.sockets.values()
    for types in catalog.types.values():
        yield from types
    for machine in catalog.architectures.values():
        if machine.compat:
            yield machine.compat
    for feature in catalog.features.values():
        for requests in feature.requests.values():
            yield from requests


def _words(catalog: Catalog) -> Iterator[str]:
    """Every template and primitive that a name in the crypto API may be made of."""
    names = [*_AROUND, *catalog.parts, *catalog.config]
    for transform in catalog.transforms.values():
        names += [transform.xfrm, transform.geniv]
    for parts in catalog.parts.values():
        names += [part.request for part in parts]
    for wholes in (catalog.whole, *(of.whole for of in catalog.architectures.values())):
        for word, registered in wholes.items():
            names += [word, *registered]
    for name in names:
        yield from words_of(name)
