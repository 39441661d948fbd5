# SPDX-License-Identifier: GPL-3.0-or-later
"""What `--lab` asks of a kernel, with what is known of it beforehand: probes/."""

from modprobe_ipsec.base import registry
from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.glossary import Term, WrittenChapter
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.glossary.entry import Entry, Lead

TITLE = "what a kernel does with packets, as --lab asks it"


def leads(catalog: Catalog, written: WrittenChapter) -> Iterator[Lead]:
    """A term for each behaviour; none of them is imported before somebody asks."""
    from modprobe_ipsec import probes

    for name in probes.names():

        def entry(name: str = name) -> Entry:
            return _entry(name)

        yield Lead((name,), entry)


def _entry(name: str) -> Entry:
    from modprobe_ipsec import probes
    from modprobe_ipsec.probes._behaviour import KERNELS, WANTED, behaviour

    known = behaviour(name, registry.load(probes.__name__, name).__doc__ or "")
    means = {
        daemon.name: text.rstrip(".")
        for daemon in DAEMONS.values()
        for head, text in known.said.items()
        if head.lower() == daemon.program
    }
    return Entry(
        Term(
            name=name,
            what=known.question,
            does=_sentence(known.said.get(KERNELS, "")),
            when=_sentence(f"{WANTED}: {known.said[WANTED]}" if WANTED in known.said else ""),
            daemons=tuple(means.items()),
            remedy=f"ask this kernel: modprobe-ipsec --lab={name}",
            source="docs/behaviours.md",
        )
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
