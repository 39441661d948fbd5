# SPDX-License-Identifier: GPL-3.0-or-later
"""What the map can ever ask for: the only requests and modules that a plan may name."""

import re

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.model import Catalog, Family
from modprobe_ipsec.catalog.model import ModuleRequest as Asked
from modprobe_ipsec.needs.everything import all_needs

_WORDS = re.compile(r"[(),]+")
_REQUEST = re.compile(r"crypto-[a-z0-9_(),]{1,100}")
_NAME = re.compile(r"[a-zA-Z0-9_]{1,55}")
_LETTERS = re.compile(r"[a-z]+")
# IV generators, and what templates of the kernel's own put around a cipher.
_TEMPLATES = ("authenc", "authencesn", "echainiv", "seqiv", "digest_null")


class Known:
    """Tells requests and modules of the map from all others."""

    def __init__(self, catalog: Catalog) -> None:
        self._never_load = catalog.never_load
        # Module by request, outside of the crypto API.
        self._plain: dict[str, str] = {asked.alias: asked.module for asked in _plain(catalog)}
        self._options = {name: option.lower() for name, option in catalog.config.items()}
        self._words = frozenset(_words(catalog))

    def request(self, request: str) -> bool:
        """Whether some need can make this request: xfrm-type-2-50, crypto-seqiv."""
        if request in self._plain:
            return True
        if not _REQUEST.fullmatch(request):
            return False
        return all(word in self._words for word in words_of(request))

    def module(self, request: str, name: str) -> bool:
        """Whether a module of this name can be what answers a request, on some kernel.

        Names of the crypto API's modules change with every kernel, but not freely: they begin as
        the algorithm does (aesni_intel, sha2_ce for crypto-sha256), or are named for the option
        that builds them (drbg for crypto-stdrng).
        """
        if not _NAME.fullmatch(name) or name in self._never_load or not self.request(request):
            return False
        if request in self._plain:
            return name == self._plain[request]
        return any(self._fits(word, name) for word in words_of(request))

    def _fits(self, word: str, name: str) -> bool:
        option = self._options.get(word, "")
        if option and name.removesuffix("_generic") in (option, option.removeprefix("crypto_")):
            return True
        stem = _LETTERS.match(word)
        return stem is not None and name.startswith(stem[0])


def words_of(name: str) -> Iterator[str]:
    """`crypto-hmac(sha512)` or `hmac(sha512)` -> hmac, sha512."""
    return (word for word in _WORDS.split(name.removeprefix("crypto-")) if word)


def _plain(catalog: Catalog) -> Iterator[Asked]:
    yield catalog.xfrm
    for types in catalog.types.values():
        yield from types
    for feature in catalog.features.values():
        for requests in feature.requests.values():
            yield from requests


def _words(catalog: Catalog) -> Iterator[str]:
    """Every template and primitive that a name in the crypto API may be made of."""
    names = [transform.xfrm for transform in catalog.transforms.values() if transform.xfrm]
    names += [need.suite.crypto_name for need in all_needs(catalog, (Family.IPV4,))]
    for parts in catalog.parts.values():
        names += [part.request for part in parts]
    for wholes in catalog.whole.values():
        names += wholes
    names += [*_TEMPLATES, *catalog.parts, *catalog.config]
    for name in names:
        yield from (word for word in words_of(name) if word != "%")
