# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel options of the map, and what each of them builds."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.glossary import Term, WrittenChapter
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.catalog.reach import module_requests_of
from modprobe_ipsec.glossary.entry import Entry, Lead

TITLE = "kernel options that build what IPsec needs"


def leads(catalog: Catalog, written: WrittenChapter) -> Iterator[Lead]:
    """A term for each option: what is written of it, or else what it builds."""
    # What each builds: a module with what it is for, a word of the crypto API.
    builds: dict[str, dict[str, dict[str, None]]] = {}
    for asked in module_requests_of(catalog).values():
        for request in asked:
            modules = builds.setdefault(request.config, {})
            modules.setdefault(request.module, {})[request.title] = None
    for word, option in catalog.config.items():
        builds.setdefault(option, {})[word] = {}
    by_hand = written.names()
    for option, what in builds.items():
        if f"CONFIG_{option}" in by_hand:
            continue

        def entry(option: str = option, what: dict[str, dict[str, None]] = what) -> Entry:
            return _entry(option, what)

        yield Lead((f"CONFIG_{option}",), entry)
    for name, names in by_hand.items():

        def from_file(name: str = name) -> Entry:
            return Entry(written.term(name), option=name.removeprefix("CONFIG_"))

        yield Lead(names, from_file)


def _entry(option: str, what: dict[str, dict[str, None]]) -> Entry:
    built = []
    for name, titles in what.items():
        purpose = ", ".join(titles)
        built.append(f"{name} ({purpose})" if name and purpose else name or purpose)
    return Entry(
        Term(
            name=f"CONFIG_{option}",
            what=f"Kernel option that builds {', '.join(built)}.",
            source="net and crypto Kconfig of 5.10 to 7.3",
        ),
        option=option,
    )
