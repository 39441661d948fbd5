# SPDX-License-Identifier: GPL-3.0-or-later
"""All chapters together: a name -> every entry that it may mean. Pure."""

from modprobe_ipsec.base.annotations import Callable, Iterable, Iterator, Mapping
from modprobe_ipsec.base.text import errno_of
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.glossary import WrittenChapter
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.glossary import chapters
from modprobe_ipsec.glossary.entry import Entry, Lead

# As many names are suggested for one that is not there.
_SUGGESTIONS = 3
_NOTHING = WrittenChapter("", {"title": "", "source": "", "terms": {}}, ())
_PREFIXES = ("/proc/sys/", "proc/sys/", "net/core/", "net/ipv4/", "net/ipv6/")
_KERNEL_MODULE = (".ko", ".ko.xz", ".ko.zst", ".ko.gz")


class Chapter(Value):
    """One chapter: what it is about, and its terms."""

    # As one asks for it: sa-flags
    name: str
    title: str
    leads: tuple[Lead, ...]


class Book:
    """The glossary of one map.

    `trees` are the parsed files of data/glossary/ by name. Raises ConfigError that names file and
    line, here for what is wrong at a file's head, later for what is wrong with a term.
    """

    __slots__ = ("_catalog", "_known", "_made", "_written")

    def __init__(self, trees: Mapping[str, object], catalog: Catalog) -> None:
        daemons = catalog.vocabularies
        self._catalog = catalog
        self._made = chapters.names()
        self._known: dict[str, Chapter] = {}
        self._written = {
            _dashes(name): WrittenChapter(name, tree, daemons) for name, tree in trees.items()
        }

    def names(self) -> tuple[str, ...]:
        """All chapters, sorted."""
        return tuple(sorted({*self._written, *self._made}))

    def title(self, name: str) -> str:
        """What a chapter is about. Raises KeyError if there is none."""
        if name in self._made:
            return chapters.title(name)
        return self._written[name].title

    def chapter(self, name: str) -> Chapter:
        """One of them. Raises KeyError if there is none."""
        if name in self._known:
            return self._known[name]
        if name in self._made:
            written = self._written.get(name, _NOTHING)
            leads = tuple(chapters.leads(name, self._catalog, written))
        else:
            leads = tuple(_leads(self._written[name]))
        self._known[name] = Chapter(name, self.title(name), leads)
        return self._known[name]

    def chapters(self) -> Iterator[Chapter]:
        """All of them."""
        return map(self.chapter, self.names())

    def find(self, name: str) -> list[tuple[str, Entry]]:
        """Every entry of this name, each with its chapter; spelling is not looked at closely.

        If there is none, dashes and the like do not count at all (`copyfail`); then it may be what
        the kernel asks for (`crypto-gcm(aes)`), and last, what it begins with (`gcm`).
        """
        wanted = plain(name)
        found = self._named(lambda known: plain(known) == wanted)
        if not found and (bare := _bare(wanted)):
            found = self._named(lambda known: _bare(plain(known)) in (bare, f"xfrm{bare}"))
        if not found and wanted.startswith("crypto_"):
            return self.find(wanted.removeprefix("crypto_"))
        if not found and "(" in wanted[1:] and wanted.endswith(")"):
            return self.find(wanted.partition("(")[0])
        return found

    def _named(self, is_it: Callable[[str], bool]) -> list[tuple[str, Entry]]:
        return [
            (chapter.name, lead.entry())
            for chapter in self.chapters()
            for lead in chapter.leads
            if any(map(is_it, lead.names))
        ]

    def near(self, name: str) -> list[str]:
        """Names that look like it, the nearest first."""
        # more than the rest of a look-up, and seldom needed
        from difflib import get_close_matches

        known = {plain(n): n for c in self.chapters() for lead in c.leads for n in lead.names}
        known |= {plain(chapter): chapter for chapter in self.names()}
        wanted = plain(name)
        within = [n for n in known if len(wanted) > 3 and wanted in n]
        close = get_close_matches(wanted, known, _SUGGESTIONS)
        found = dict.fromkeys((*close, *sorted(within, key=len)))
        return [known[n] for n in found][:_SUGGESTIONS]


def plain(name: str) -> str:
    """A name as it is compared: `CONFIG_XFRM_USER`, `/proc/sys/net/core/x` and `net.core.x` alike.

    Upper and lower case, dashes and underscores, and spaces in a row are one.
    """
    text = " ".join(name.lower().replace("-", "_").split()).removeprefix("sysctl ")
    for suffix in _KERNEL_MODULE:
        text = text.removesuffix(suffix)
    if text.startswith(_PREFIXES):
        text = text.removeprefix("/").removeprefix("proc/sys/").replace("/", ".")
    if text.startswith(("net.ipv4.conf.", "net.ipv6.conf.")):
        # one term for all devices, whose names may have dots
        family, _, rest = text.partition(".conf.")
        text = f"{family}.conf.all.{rest.rpartition('.')[2]}"
    text = text.removeprefix("config_").removeprefix("linux_mib_")
    # a minus sign is an underscore by now
    number = text.removeprefix("errno").removeprefix("error").strip(" =:()_")
    return errno_of(int(number)).lower() if number.isdecimal() and len(number) < 4 else text


def _bare(text: str) -> str:
    """Letters and digits alone, where there are some."""
    return "".join(filter(str.isalnum, text)) if len(text) > 3 and "(" not in text else ""


def _leads(written: WrittenChapter) -> Iterable[Lead]:
    for name, names in written.names().items():
        yield Lead(names, _maker(written, name))


def _maker(written: WrittenChapter, name: str) -> Callable[[], Entry]:
    return lambda: Entry(written.term(name), written.here)


def _dashes(name: str) -> str:
    return name.replace("_", "-")
