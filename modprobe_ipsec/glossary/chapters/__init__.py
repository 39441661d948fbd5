# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry of chapters that are made of what is known elsewhere: each file is one chapter.

It offers `TITLE`, and `leads(catalog, written) -> Iterator[Lead]`. `written` is the file of the
same name in data/glossary/, for what no other place says; without one it is empty.
"""

from modprobe_ipsec.base import registry
from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.glossary import WrittenChapter
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.glossary.entry import Lead


def names() -> tuple[str, ...]:
    """All chapters that are made."""
    return registry.names(__path__)


def title(name: str) -> str:
    """What a chapter is about."""
    text: str = registry.load(__name__, name).TITLE
    return text


def leads(name: str, catalog: Catalog, written: WrittenChapter) -> Iterator[Lead]:
    """All its terms."""
    found: Iterator[Lead] = registry.load(__name__, name).leads(catalog, written)
    return found
