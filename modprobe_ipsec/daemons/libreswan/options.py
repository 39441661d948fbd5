# SPDX-License-Identifier: GPL-3.0-or-later
"""data/daemons/libreswan.yaml -> the options of libreswan's ipsec.conf, checked and typed."""

from modprobe_ipsec.base.annotations import Callable, Iterable, Iterator, Mapping, TypeVar
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import ALWAYS
from modprobe_ipsec.catalog.row import Row
from modprobe_ipsec.daemons.common.descriptor import NEWEST

Version = tuple[int, ...]

OLDEST: Version = (0, 0)
# What a value may be but a word of a list.
_KINDS = frozenset(
    ("text", "number", "time", "percent", "bytes", "host", "key", "list", "flags", "obsolete")
) | {"none", "pluto"}
_NOTHING: Mapping[str, str] = {}

_T = TypeVar("_T")
History = tuple[tuple[Version, str], ...]


class Keyword(Value):
    """One option in one release, whatever it is called where it stands."""

    # With `left` or `right` before it, if it is one of an end.
    name: str
    # text, number, bool, ...; `words` for a name of the map's `words`, which has all it may be.
    kind: str
    # Each word it may be (lower case), and what that means.
    words: Mapping[str, str]
    # The parser takes any text, and pluto loses the connection that has a wrong one.
    by_pluto: bool
    # What it asks of the kernel: a key of data/features.yaml or of `LibreswanOptions.meaning`, or
    # empty.
    feature: str
    # The values with which it does; empty: all but nothing, 0 and no.
    when: tuple[str, ...]
    # Values with which it asks for another one.
    instead: Mapping[str, str] = _NOTHING


class Release(Value):
    """The options that one release knows, by each of their names in lower case."""

    version: Version
    setup: Mapping[str, Keyword]
    conn: Mapping[str, Keyword]
    # Whether any release knows an option of that name.
    ever: Callable[[str], bool] = lambda key: False

    @property
    def name(self) -> str:
        """As messages name it."""
        return f"libreswan {'.'.join(map(str, self.version))}"

    def section(self, is_setup: bool) -> Mapping[str, Keyword]:
        """The options of `config setup`, or of a connection."""
        return self.setup if is_setup else self.conn


class Probe(Value):
    """What pluto asks of the kernel when it starts."""

    since: Version
    esp: str
    features: tuple[str, ...]


class _Row(Value):
    """One option in all releases, as the map has it."""

    history: History
    # Whether it asks something of the kernel, or decides whether and how a connection does.
    counts: bool = False
    feature: str = ""
    when: tuple[str, ...] = ()
    instead: Mapping[str, str] = _NOTHING


class _Word(Value):
    word: str
    meaning: str
    since: Version
    until: Version


class LibreswanOptions(Value):
    """All that is known of ipsec.conf."""

    setup: Mapping[str, _Row]
    conn: Mapping[str, _Row]
    end: Mapping[str, _Row]
    # Other names -> the one that stands for all.
    same: Mapping[str, str]
    words: Mapping[str, tuple[_Word, ...]]
    # Option -> whose builds have it; all others know it only to refuse it.
    built_in: Mapping[str, frozenset[str]]
    # Those that stand for all where the release is not known.
    releases: tuple[Version, ...]
    # Since when which builds drop IKEv1 unless told otherwise.
    ikev1_dropped: Mapping[str, Version]
    # Per version, the oldest first: what a conn of IKEv1 offers that says nothing, by protocol.
    ikev1_defaults: Mapping[str, tuple[tuple[Version, str], ...]]
    meaning: Mapping[str, tuple[tuple[Version, tuple[str, ...]], ...]]
    by_family: frozenset[str]
    probe: Probe

    def ever(self, key: str) -> bool:
        """Whether any release knows an option of that name, in lower case."""
        ends = (key.removeprefix(side).removeprefix("-") for side in ("left", "right"))
        return any(key in rows for rows in (self.setup, self.conn, self.same)) or any(
            end != key and end in self.end for end in ends
        )

    def at(self, version: Version, vendor: str = "") -> Release:
        """What one release knows, in the build of one vendor (empty: not known)."""
        words = {
            name: {w.word: w.meaning for w in listed if w.since <= version < w.until}
            for name, listed in self.words.items()
        }
        setup = dict(self._options(self.setup, words, version, vendor))
        conn = dict(self._options(self.conn, words, version, vendor))
        ends = self._options(self.end, words, version, vendor)
        return Release(version, setup, dict(_sides(ends, version)) | conn, self.ever)

    def _options(
        self,
        rows: Mapping[str, _Row],
        words: Mapping[str, Mapping[str, str]],
        version: Version,
        vendor: str,
    ) -> Iterator[tuple[str, Keyword]]:
        for key, row in rows.items():
            kinds = [kind for since, kind in row.history if since <= version] or ["none"]
            kind = next((k for k in reversed(kinds) if k != "pluto"), "none")
            if key in self.built_in and vendor not in self.built_in[key]:
                # source: keywords.c, #ifdef; since 5.4 kv_nosup
                kind = "none" if version < (5, 4) else "obsolete"
            if kind != "none":
                name = self.same.get(key, key)
                asks = rows.get(name, row)
                yield (
                    key,
                    Keyword(
                        name=name,
                        kind="words" if kind in words and kind != "bool" else kind,
                        words=words.get("debug" if kind == "flags" else kind, {}),
                        by_pluto=kinds[-1] == "pluto",
                        feature=asks.feature,
                        when=asks.when,
                        instead=asks.instead,
                    ),
                )


def at(releases: Iterable[tuple[Version, _T]], version: Version) -> _T:
    """The entry that counts for a version: the newest that is not newer, or else the oldest."""
    entries = tuple(releases)
    return next((value for since, value in reversed(entries) if since <= version), entries[0][1])


def libreswan_options(table: Mapping[str, object]) -> LibreswanOptions:
    """Check the parsed data/daemons/libreswan.yaml. Raises ConfigError with file and line."""
    root = Row(table, "daemons/libreswan", 1)
    root.leave(*ALWAYS)
    words = {name: tuple(_words(row)) for name, row in _each(root, "words")}
    sections = {name: _section(root, name, words) for name in ("setup", "conn", "end")}
    meaning = {
        name: tuple((since, row.texts(text)) for text, since in _releases(row))
        for name, row in _each(root, "meaning")
    }
    defaults = {
        name: tuple((since, row.take(text, str)) for text, since in _releases(row))
        for name, row in _each(root, "ikev1_defaults")
    }
    if defaults.keys() != {"esp", "ah"}:
        raise root.error("`ikev1_defaults` must have esp and ah", "ikev1_defaults")
    options = LibreswanOptions(
        setup=sections["setup"],
        conn=sections["conn"],
        end=sections["end"],
        same=root.sub("same").words(),
        words=words,
        built_in={name: frozenset(vendors) for name, vendors in _lists(root, "built_in")},
        releases=tuple(root.version("releases", text) for text in root.texts("releases")),
        ikev1_dropped={
            vendor: root.version("ikev1_dropped", text)
            for vendor, text in root.sub("ikev1_dropped").words().items()
        },
        ikev1_defaults=defaults,
        meaning=meaning,
        by_family=frozenset(root.texts("by_family")),
        probe=_probe(root.sub("probe")),
    )
    root.done()
    return options


def _section(root: Row, name: str, words: Mapping[str, tuple[_Word, ...]]) -> dict[str, _Row]:
    """All options of one kind of section: those with a meaning, and the lists of the others."""
    rows: dict[str, _Row] = {}
    below = root.sub(f"other_{name}")
    for text in tuple(below.rest):
        history = _history(text, below, text, words)
        for key in below.texts(text):
            if key in rows:
                raise below.error(f"`{key}` is there already", text)
            rows[key] = _Row(history)
    for key, row in _each(root, name):
        if key in rows:
            raise row.error(f"`{key}` is there already")
        text = row.take("is", str)
        option = _Row(
            history=_history(text, row, "is", words),
            counts=True,
            feature=row.take("feature", str, ""),
            when=row.texts("when", []),
            instead=row.sub("instead").words() if "instead" in row else {},
        )
        known = {w.meaning for _, kind in option.history for w in words.get(kind, ())}
        for value in (*option.when, *option.instead):
            if value not in known:
                raise row.error(f"`{key}` is never `{value}`")
        rows[key] = option
    return rows


def _history(text: str, row: Row, key: str, words: Mapping[str, tuple[_Word, ...]]) -> History:
    """`none, bool 5.2, pluto 5.4` -> since which release what."""
    found: list[tuple[Version, str]] = []
    for part in text.split(", "):
        kind, _, since = part.partition(" ")
        if kind not in _KINDS and kind not in words:
            raise row.error(f"`{kind}` is neither in `words` nor {', '.join(sorted(_KINDS))}", key)
        version = row.version(key, since) if since else OLDEST
        if found and version < found[-1][0]:
            raise row.error("the oldest version must come first", key)
        found.append((version, kind))
    return tuple(found)


def _each(row: Row, key: str) -> Iterator[tuple[str, Row]]:
    """All keys of a mapping, each of them a mapping that is read to its end."""
    for name, child in row.sub(key).rows():
        yield name, child
        child.done()


def _lists(row: Row, key: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """All keys of a mapping, each of them a list of texts."""
    below = row.sub(key)
    for name in tuple(below.rest):
        yield name, below.texts(name)


def _releases(row: Row) -> Iterator[tuple[str, Version]]:
    """All keys, as the versions they must be, in ascending order."""
    last: Version = OLDEST
    for text in tuple(row.rest):
        if (version := row.version(text, text)) <= last:
            raise row.error("the oldest version must come first", text)
        last = version
        yield text, version
    if last == OLDEST:
        raise row.error("at least one version is needed")


def _words(row: Row) -> Iterator[_Word]:
    """`yes: [yes, true 5.0, auto -5.0]` -> each word with its meaning, since and until when."""
    seen: dict[str, str] = {}
    for meaning in tuple(row.rest):
        for text in row.texts(meaning):
            word, _, when = text.partition(" ")
            if word in seen:
                raise row.error(f"`{word}` is `{seen[word]}` already", meaning)
            if word != word.lower():
                raise row.error(f"`{word}` must be lower case", meaning)
            seen[word] = meaning
            version = row.version(meaning, when.removeprefix("-")) if when else OLDEST
            if when.startswith("-"):
                yield _Word(word, meaning, OLDEST, version)
            else:
                yield _Word(word, meaning, version, NEWEST)


def _sides(ends: Iterable[tuple[str, Keyword]], version: Version) -> Iterator[tuple[str, Keyword]]:
    """Each option of an end by all its names; without a side it is the right one's."""
    for key, option in ends:
        for side in ("left", "right"):
            sided = option._replace(name=side + option.name)
            yield side + key, sided
            if not key:
                continue
            # source: parse_leftright() since 5.0; parser_find_key() of 5.4 wants a side
            if version >= (5, 0):
                yield f"{side}-{key}", sided
            if side == "right" and version < (5, 4):
                yield key, sided


def _probe(row: Row) -> Probe:
    probe = Probe(
        row.version("since", row.take("since", str)), row.take("esp", str), row.texts("features")
    )
    row.done()
    return probe
