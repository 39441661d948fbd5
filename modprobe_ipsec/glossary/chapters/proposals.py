# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of proposals, as daemons read them: `proposals` of data/daemons/NAME.yaml."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.glossary import Term, WrittenChapter
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.glossary.entry import Entry, Lead

TITLE = "words of proposals, as daemons read them"


def leads(catalog: Catalog, written: WrittenChapter) -> Iterator[Lead]:
    """A term for each word, with what it is to each daemon that knows it."""
    meanings: dict[str, dict[str, str]] = {}
    for daemon, vocabulary in catalog.vocabularies.items():
        for name, word in vocabulary.words.items():
            bits = f" with {word.key_bits} bits" if word.key_bits else ""
            only = f", in IKEv{word.ike} only" if word.ike else ""
            meanings.setdefault(name, {})[daemon] = f"{word.transform.name}{bits}{only}"
        for group, meaning in (
            (vocabulary.key_exchange, "a key exchange, which needs nothing from the kernel"),
            (vocabulary.prf, "a PRF of IKE, which needs nothing from the kernel"),
            (vocabulary.refused, "known and refused"),
        ):
            for name in group:
                meanings.setdefault(name, {}).setdefault(daemon, meaning)
    for name, by_daemon in meanings.items():

        def entry(name: str = name, by_daemon: dict[str, str] = by_daemon) -> Entry:
            return _entry(name, by_daemon)

        yield Lead((name,), entry)


def _entry(name: str, by_daemon: dict[str, str]) -> Entry:
    said = set(by_daemon.values())
    what = f"A word of proposals: {said.pop()}." if len(said) == 1 else "A word of proposals."
    return Entry(
        Term(
            name=name,
            what=what,
            daemons=tuple(by_daemon.items()),
            source="the daemons' own parsers (data/daemons)",
        )
    )
