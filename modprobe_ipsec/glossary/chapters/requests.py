# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests outside the crypto API: data/protocols.yaml, and what logs say where they fail."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.base.text import error_text
from modprobe_ipsec.catalog.glossary import Term, WrittenChapter
from modprobe_ipsec.catalog.model import Catalog, ModuleRequest
from modprobe_ipsec.catalog.reach import module_requests_of
from modprobe_ipsec.diagnose.requests import NeedRequests
from modprobe_ipsec.glossary.entry import Entry, Lead
from modprobe_ipsec.needs.need import FeatureNeed

TITLE = "the aliases by which the kernel finds modules"


def leads(catalog: Catalog, written: WrittenChapter) -> Iterator[Lead]:
    """A term for each alias."""
    for alias, asked in module_requests_of(catalog).items():

        def entry(asked: tuple[ModuleRequest, ...] = asked) -> Entry:
            return _entry(asked, catalog)

        yield Lead((alias,), entry)


def _entry(asked: tuple[ModuleRequest, ...], catalog: Catalog) -> Entry:
    first = asked[0]
    titles = list(dict.fromkeys(request.title for request in asked))
    module = f"; {first.module} answers it" if first.module else "; no module answers it"
    begins = [start for start in catalog.knowledge.symptoms if first.alias.startswith(start)]
    symptom = catalog.knowledge.symptoms[max(begins, key=len)] if begins else None
    return Entry(
        term=Term(
            name=first.alias,
            what=f"The kernel's request for {', '.join(titles)}{module}.",
            does=(
                f"Without an answer: errno {symptom.errno}, {error_text(symptom.errno)}."
                if symptom
                else ""
            ),
            needs=f"CONFIG_{first.config}",
            daemons=symptom.lines if symptom else (),
            source="data/protocols.yaml, data/features.yaml",
        ),
        requests=(NeedRequests(need=FeatureNeed(first.alias, None), modules=(first,)),),
    )
