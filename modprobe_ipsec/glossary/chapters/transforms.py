# SPDX-License-Identifier: GPL-3.0-or-later
"""What IKE negotiates, by IANA's names: data/transforms.yaml."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.glossary import Term, WrittenChapter
from modprobe_ipsec.catalog.model import Catalog, Family, Protocol, Transform, XfrmTable
from modprobe_ipsec.diagnose.requests import NeedRequests, module_requests
from modprobe_ipsec.glossary.entry import Entry, Lead
from modprobe_ipsec.needs.everything import needs_of
from modprobe_ipsec.needs.need import Choice

TITLE = "what IKE negotiates, and what kernels call it"

# IANA's prefix and word for each.
_KINDS = {
    XfrmTable.AEAD: ("ENCR", "an encryption with its own integrity (AEAD)"),
    XfrmTable.CIPHER: ("ENCR", "an encryption"),
    XfrmTable.AUTH: ("AUTH", "an integrity algorithm"),
    XfrmTable.COMP: ("IPCOMP", "a compression"),
}
# From here on IANA's numbers are for private use.
_PRIVATE = 1024
_PROTOCOLS = {Protocol.ESP: "ESP", Protocol.AH: "AH", Protocol.COMP: "IPComp"}


def leads(catalog: Catalog, written: WrittenChapter) -> Iterator[Lead]:
    """A term for each transform."""
    for transform in catalog.transforms.values():
        sized = (f"{transform.name}_{bits}" for bits in transform.key_bits if bits)
        names = (transform.name, f"{_KINDS[transform.kind][0]}_{transform.name}", *sized)
        if transform.xfrm:
            names = (*names, transform.xfrm)

        def entry(transform: Transform = transform, names: tuple[str, ...] = names) -> Entry:
            return _entry(transform, names[1:], catalog)

        yield Lead(names, entry)


def _entry(transform: Transform, also: tuple[str, ...], catalog: Catalog) -> Entry:
    protocols = " and ".join(_PROTOCOLS[p] for p in transform.protocols)
    number = ""
    if transform.iana is not None:
        private = " (private use)" if transform.iana >= _PRIVATE else ""
        number = f", IKEv2's number {transform.iana}{private}"
    keys = [str(bits) for bits in transform.key_bits if bits]
    sizes = [f"keys of {_or(keys)} bits"] if keys else []
    sizes += [f"a salt of {transform.salt_bits}"] if transform.salt_bits else []
    sizes += [f"an ICV of {transform.icv_bits}"] if transform.icv_bits else []
    with_sizes = f": {', '.join(sizes)}" if sizes else ""
    what = f"{_KINDS[transform.kind][1]} for {protocols}{number}{with_sizes}."
    does = (
        f"No kernel can: {transform.why_not}."
        if transform.why_not
        else f"The kernel calls it {transform.xfrm}{_around(transform)}."
    )
    banned = any(part.request == transform.xfrm for part in catalog.not_fips)
    return Entry(
        term=Term(
            name=transform.name,
            what=f"{what[0].upper()}{what[1:]}",
            also=also,
            does=does,
            when="Not in FIPS mode." if banned else "",
            daemons=tuple(_words(transform, catalog)),
            source="IANA's registry for IKEv2; net/xfrm/xfrm_algo.c of 5.10 to 7.3",
        ),
        requests=_asked(transform, catalog),
    )


def _asked(transform: Transform, catalog: Catalog) -> tuple[NeedRequests, ...]:
    """What SAs with its longest key ask for, one of each protocol and family."""
    if not transform.xfrm:
        return ()
    largest = Choice(transform, max(transform.key_bits))
    needs = [
        need
        for need in needs_of(transform, catalog, Family)
        if largest in (need.suite.encryption, need.suite.integrity) and not need.suite.esn
    ]
    return module_requests(needs, catalog, "").by_need


def _around(transform: Transform) -> str:
    return f", and puts {transform.geniv} around it" if transform.geniv else ""


def _or(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _words(transform: Transform, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """How each daemon's proposals have it."""
    for daemon, vocabulary in catalog.vocabularies.items():
        words = [name for name, word in vocabulary.words.items() if word.transform is transform]
        if words:
            yield daemon, ", ".join(words)
