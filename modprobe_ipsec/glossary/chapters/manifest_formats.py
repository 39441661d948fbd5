# SPDX-License-Identifier: GPL-3.0-or-later
"""What `--manifest` can write."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.glossary import Term, WrittenChapter
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.glossary.entry import Entry, Lead
from modprobe_ipsec.manifest import formats

TITLE = "what --manifest writes"


def leads(catalog: Catalog, written: WrittenChapter) -> Iterator[Lead]:
    """A term for each format; none of them is imported before somebody asks."""
    for name in formats.names():

        def entry(name: str = name) -> Entry:
            format = formats.find(name)
            return Entry(
                Term(
                    name=name,
                    what=f"Format of --manifest: {format.summary}.",
                    does=format.cannot_say,
                    source="this program",
                )
            )

        yield Lead((name,), entry)
