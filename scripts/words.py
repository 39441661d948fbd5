# SPDX-License-Identifier: GPL-3.0-or-later
"""modprobe-ipsec-words(7): the glossary as a manual page, a section for each chapter.

What the host decides, and the words of proposals, which data/daemons has, are left out.
"""

import re
import textwrap

from modprobe_ipsec.commands import engine
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.glossary.book import Book, Chapter
from modprobe_ipsec.glossary.entry import Entry

_WIDTH = 74
_LEFT_OUT = ("proposals",)
_HEAD = """\
.\\" SPDX-License-Identifier: GPL-3.0-or-later
.\\" Made by scripts/generate.py from the glossary.
.Dd November 28, 2026
.Dt MODPROBE-IPSEC-WORDS 7
.Os
.Sh NAME
.Nm modprobe-ipsec-words
.Nd words of IPsec in the Linux kernel, and of modprobe-ipsec
.Sh DESCRIPTION
What
.Ic modprobe-ipsec --explain Ar name
says, without what it says of one host.
Behind each term stand its other names.
.Sh TERMS
"""
_TAIL = """\
.Sh SEE ALSO
.Xr modprobe-ipsec-plan 5 ,
.Xr ip-xfrm 8 ,
.Xr modprobe-ipsec 8
"""


def page() -> str:
    """The whole page."""
    book = Book(engine.glossary_trees(), engine.catalog())
    chapters = (c for c in book.chapters() if c.name not in _LEFT_OUT)
    return _HEAD + "".join(map(_section, chapters)) + _TAIL


def _section(chapter: Chapter) -> str:
    items = "".join(_item(lead.entry()) for lead in chapter.leads)
    title = chapter.name.replace("-", " ").capitalize()
    about = f"{chapter.title[0].upper()}{chapter.title[1:]}."
    return f".Ss {title}\n{_text(about)}.Bl -tag -width Ds\n{items}.El\n"


def _item(entry: Entry) -> str:
    term = entry.term
    also = f"Also: {', '.join(term.also)}." if term.also else ""
    daemons = [
        f"{', '.join(DAEMONS[name].title for name in names)}: {said}."
        for said, names in term.by_line.items()
    ]
    labelled = (("Needs", term.needs), ("Since", term.since), ("To do", term.remedy))
    more = [f"{label}: {said}." for label, said in labelled if said]
    texts = (term.what, term.does, term.when, *more, *daemons, also)
    return f".It {_escaped(term.name)}\n" + "".join(map(_text, filter(None, texts)))


def _text(sentences: str) -> str:
    """Text lines; a sentence ends its line, as mdoc wants it."""
    broken = re.sub(r"(?<![ .(][a-z])(?<=[.!?]) (?=[A-Z])", "\n", sentences)
    lines = (part for line in broken.split("\n") for part in _filled(line))
    return "".join(f"{_plain(line)}\n" for line in lines)


def _filled(line: str) -> list[str]:
    """Not longer than what mandoc's lint has nothing against."""
    return textwrap.wrap(line, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _plain(line: str) -> str:
    # what looks like a C function would want markup
    escaped = line.replace("\\", "\\e").replace("()", "(\\&)")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


def _escaped(name: str) -> str:
    """A heading, in which no word is taken for a macro."""
    return " ".join(
        f"\\&{word}" for word in name.replace("\\", "\\e").replace('"', "\\(dq").split()
    )


__all__ = ["page"]
