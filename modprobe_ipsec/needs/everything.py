# SPDX-License-Identifier: GPL-3.0-or-later
"""`--all`: every algorithm of the map once, in the company that it cannot do without."""

from modprobe_ipsec.base.annotations import Iterable, Iterator
from modprobe_ipsec.catalog.model import Catalog, Family, Protocol, Transform, XfrmTable
from modprobe_ipsec.needs.need import Choice, Need, Source, Suite

# Partners for a transform that does not stand alone: RFC 8221 makes both a MUST.
_CIPHER = "AES_CBC"
_INTEGRITY = "HMAC_SHA2_256_128"


def all_needs(catalog: Catalog, families: Iterable[Family]) -> tuple[Need, ...]:
    """Every transform with every key length, with and without ESN where there is such a thing.

    Leaves out what no kernel can do: it would only drown the answer.
    """
    families = tuple(families)
    return tuple(
        need
        for transform in catalog.transforms.values()
        if transform.xfrm
        for need in needs_of(transform, catalog, families)
    )


def needs_of(
    transform: Transform, catalog: Catalog, families: Iterable[Family]
) -> tuple[Need, ...]:
    """One transform of them, which some kernel has."""
    families = tuple(families)
    return tuple(
        Need(suite, family, (Source("--all"),))
        for suite in _suites(transform, catalog)
        for family in families
    )


def _suites(transform: Transform, catalog: Catalog) -> Iterator[Suite]:
    for key_bits in transform.key_bits:
        choice = Choice(transform, key_bits)
        if transform.kind is XfrmTable.COMP:
            yield Suite(Protocol.COMP, choice, None)
            continue
        for esn in (False, True):
            match transform.kind:
                case XfrmTable.AEAD:
                    yield Suite(Protocol.ESP, choice, None, esn)
                case XfrmTable.CIPHER:
                    yield Suite(Protocol.ESP, choice, _only(catalog, _INTEGRITY), esn)
                case XfrmTable.AUTH:
                    yield Suite(Protocol.ESP, _only(catalog, _CIPHER), choice, esn)
                    yield Suite(Protocol.AH, None, choice, esn)


def _only(catalog: Catalog, name: str) -> Choice:
    transform = catalog.transforms[name]
    return Choice(transform, transform.key_bits[0])
