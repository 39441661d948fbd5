# SPDX-License-Identifier: GPL-3.0-or-later
"""What options of a configuration ask of the kernel beyond SAs: data/features.yaml."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.glossary import Term, WrittenChapter
from modprobe_ipsec.catalog.model import Catalog, Feature
from modprobe_ipsec.diagnose.requests import NeedRequests, module_requests
from modprobe_ipsec.glossary.entry import Entry, Lead
from modprobe_ipsec.needs.need import FeatureNeed

TITLE = "what options of a configuration ask of the kernel beyond SAs"


def leads(catalog: Catalog, written: WrittenChapter) -> Iterator[Lead]:
    """A term for each feature."""
    for name, feature in catalog.features.items():

        def entry(name: str = name, feature: Feature = feature) -> Entry:
            return _entry(name, feature, catalog)

        yield Lead((name, feature.title), entry)


def _entry(name: str, feature: Feature, catalog: Catalog) -> Entry:
    needs = [FeatureNeed(name, family) for family in feature.requests]
    # the network cards are not asked for the sake of a word
    requests = tuple(r._replace(card=None) for r in module_requests(needs, catalog, "").by_need)
    asked = [request for wanted in requests for request in wanted.modules]
    parts = [
        f"{r.alias} ({', '.join(filter(None, (r.module, f'CONFIG_{r.config}')))})" for r in asked
    ]
    does = f"The kernel asks for {', '.join(dict.fromkeys(parts))}."
    if feature.unproven:
        does += f" No question proves it: {feature.unproven}."
    card = feature.card
    return Entry(
        term=Term(
            name=name,
            what=f"{feature.title[0].upper()}{feature.title[1:]}.",
            also=(feature.title,),
            does=does,
            needs=f"a network card with {card.name}; {card.remark}" if card else "",
            source="data/features.yaml",
        ),
        requests=_unlike(requests),
    )


def _unlike(requests: tuple[NeedRequests, ...]) -> tuple[NeedRequests, ...]:
    """Without those that ask for nothing of their own."""
    return tuple(wanted for wanted in requests if wanted.modules)
