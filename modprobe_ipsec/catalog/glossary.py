# SPDX-License-Identifier: GPL-3.0-or-later
"""data/glossary/NAME.yaml, a chapter each -> typed, checked like the map.

A chapter: `title`, `source` and perhaps `since` of all its terms, `here` (what kind of value its
terms have on a host), `daemons` (what each daemon writes with every term that says nothing else:
{name} is the term, {number} and {text} are its error number and what C says for that), and `terms`
by name. A term:

    also      other names, or spellings in messages
    is        what it is, in a sentence; more may follow
    does      what it does, as measured
    when      when one wants it, or what to make of it
    needs     what it needs
    since     the first kernel that has it
    errno     with which error numbers the text comes
    remedy    what helps
    asks      beginnings of the kernel's requests that it is about
    values    sysctls that it is about: what they are on a host is said with it
    daemons   how each daemon writes it, by the name of data/daemons/NAME.yaml; or one text for all
"""

import errno

from modprobe_ipsec.base.annotations import Collection
from modprobe_ipsec.base.text import strerror
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.catalog.row import Row


class Live(StrEnum):
    """Where the value of a term on this host is read."""

    SYSCTL = "sysctl"
    COUNTER = "counter"
    NONE = "none"


class Term(Value):
    """One entry of the glossary, whoever wrote it; empty: nothing is known to say."""

    name: str
    what: str
    also: tuple[str, ...] = ()
    does: str = ""
    when: str = ""
    needs: str = ""
    since: str = ""
    errno: str = ""
    remedy: str = ""
    # By the daemon's name.
    daemons: tuple[tuple[str, str], ...] = ()
    asks: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    source: str = ""

    @property
    def by_line(self) -> dict[str, list[str]]:
        """What daemons write, each line with the names of those that write it."""
        lines: dict[str, list[str]] = {}
        for daemon, said in self.daemons:
            lines.setdefault(said, []).append(daemon)
        return lines


_TEXTS = ("does", "when", "needs", "since", "errno", "remedy", "source")
# These are sentences, the others go into one.
_SENTENCES = ("is", "does", "when")


class WrittenChapter:
    """One file of the glossary; a term of it is read when it is asked for."""

    __slots__ = ("_daemons", "_lines", "_since", "_source", "_terms", "here", "title")

    def __init__(self, name: str, tree: object, daemons: Collection[str]) -> None:
        """`name` is that of the file, `daemons` whose words there may be.

        Raises ConfigError that names file and line, for what stands at the head.
        """
        row = Row(tree, f"glossary/{name}", 1)
        self._daemons = daemons
        self.title = row.take("title", str)
        self.here = row.choice("here", Live, row.take("here", str, Live.NONE))
        self._source = row.take("source", str)
        self._since = row.take("since", str, "")
        self._lines = self._said(row, {})
        self._terms = row.sub("terms")
        row.done()

    def names(self) -> dict[str, tuple[str, ...]]:
        """All names of each term, by the first of them."""
        found = {}
        for name, value in self._terms.table.items():
            also = value.get("also", []) if isinstance(value, dict) else []
            found[name] = (name, *(also if isinstance(also, list) else ()))
        return found

    def term(self, name: str) -> Term:
        """One of them. Raises ConfigError that names file and line; KeyError if there is none."""
        terms = self._terms
        row = Row(terms.table[name], terms.file, terms.lines.get(name, terms.line))
        what = row.take("is", str)
        texts = {key: row.take(key, str, "") for key in _TEXTS}
        for key, text in (("is", what), *texts.items()):
            if text and key in _SENTENCES and text[-1] not in ".!?":
                raise row.error(f"`{key}` must end as a sentence does", key)
        texts["source"] = texts["source"] or self._source
        texts["since"] = texts["since"] or self._since
        lines = {
            daemon: _filled(line, name, texts["errno"]) for daemon, line in self._lines.items()
        }
        term = Term(
            name=name,
            what=what,
            also=row.texts("also", []),
            asks=row.texts("asks", []),
            values=row.texts("values", []),
            daemons=tuple(self._said(row, lines).items()),
            **texts,
        )
        row.done()
        return term

    def _said(self, row: Row, default: dict[str, str]) -> dict[str, str]:
        """What each daemon says, in the order of data/daemons."""
        if "daemons" not in row:
            return default
        if isinstance(row.table["daemons"], str):
            return dict.fromkeys(self._daemons, row.take("daemons", str))
        words = {**default, **row.sub("daemons").words()}
        for daemon in words:
            if daemon not in self._daemons:
                raise row.error(f"`{daemon}` is no daemon of data/daemons", "daemons")
        return words


def _filled(line: str, name: str, errnos: str) -> str:
    """A line of a daemon with the term and its error numbers in it."""
    words = (errnos or name).replace(",", " ").split()
    numbers = [number for word in words if (number := getattr(errno, word, 0))]
    line = line.replace("{name}", name).replace("{number}", " or ".join(map(str, numbers)))
    return line.replace("{text}", " or ".join(map(strerror, numbers)))


def check(name: str, tree: object, daemons: Collection[str]) -> None:
    """All of one file. Raises ConfigError that names file and line."""
    chapter = WrittenChapter(name, tree, daemons)
    for term in chapter.names():
        chapter.term(term)
