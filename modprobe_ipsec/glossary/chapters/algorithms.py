# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of the kernel's crypto API: data/crypto.yaml, with a sentence for each."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.glossary import WrittenChapter
from modprobe_ipsec.catalog.model import Catalog, ModuleRequest, Part
from modprobe_ipsec.diagnose.requests import NeedRequests
from modprobe_ipsec.glossary.entry import Entry, Lead
from modprobe_ipsec.needs.need import FeatureNeed

TITLE = "words of the kernel's crypto API: templates and ciphers"


def leads(catalog: Catalog, written: WrittenChapter) -> Iterator[Lead]:
    """A term for each word that the map knows."""
    for name in written.names():

        def entry(name: str = name) -> Entry:
            return _entry(name, catalog, written)

        yield Lead((name, f"crypto-{name}"), entry)


def _entry(name: str, catalog: Catalog, written: WrittenChapter) -> Entry:
    term = written.term(name)
    option = catalog.config.get(name, "")
    asked = [_part(part) for part in catalog.parts.get(name, ())]
    until = catalog.until.get(name)
    does = [term.does] if term.does else []
    if asked:
        does.append(f"To build it the kernel also asks for {', '.join(asked)}.")
    if until:
        last, gone = (f"{major}.{minor}" for major, minor in (until.last, until.gone))
        fips = " but in FIPS mode" if until.fips else ""
        does.append(f"Kernels ask for it up to {last}, and from {gone} on no more{fips}.")
    request = ModuleRequest(alias=f"crypto-{name}", module=name, config=option, title="")
    return Entry(
        term=term._replace(
            also=(f"crypto-{name}",),
            does=" ".join(does),
            needs=f"CONFIG_{option}" if option else "",
        ),
        requests=(NeedRequests(need=FeatureNeed(name, None), modules=(request,)),),
        algorithm=name,
    )


def _part(part: Part) -> str:
    """A request with the kernels that make it."""
    name = "what it is around" if part.request == "%" else part.request.replace("%", "...")
    if part.since != (0, 0):
        return f"{name} (from {part.since[0]}.{part.since[1]} on)"
    if part.before[0] != _NEVER:
        return f"{name} (before {part.before[0]}.{part.before[1]})"
    return name


# As the default of Part.before.
_NEVER = 9999
