# SPDX-License-Identifier: GPL-3.0-or-later
"""Vulnerabilities whose mitigations keep modules out: data/obstacles.yaml, with words for each."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.glossary import WrittenChapter
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.glossary.entry import Entry, Lead

TITLE = "holes whose mitigations keep modules out"


def leads(catalog: Catalog, written: WrittenChapter) -> Iterator[Lead]:
    """A term for each, found by its CVE, too."""
    numbers = {known.name: known.cve for known in catalog.knowledge.mitigations}
    for name in written.names():

        def entry(name: str = name) -> Entry:
            return _entry(name, catalog, written)

        yield Lead(tuple(filter(None, (name, numbers.get(name, "")))), entry)


def _entry(name: str, catalog: Catalog, written: WrittenChapter) -> Entry:
    term = written.term(name)
    for known in catalog.knowledge.mitigations:
        if known.name == name:
            fixed = ", ".join(f"{who.capitalize()} {version}" for who, version in known.fixed)
            lines = f"Lines that were shipped against it forbid {', '.join(sorted(known.modules))}."
            return Entry(
                term._replace(
                    also=(known.cve,),
                    does=" ".join(filter(None, (term.does, lines))),
                    since=f"fixed in {fixed}" if fixed else "",
                    remedy="a kernel in which it is fixed, and then no such line",
                )
            )
    return Entry(term)
