# SPDX-License-Identifier: GPL-3.0-or-later
"""data/daemons/libreswan.yaml -> the options of libreswan's ipsec.conf, checked and typed."""

from modprobe_ipsec.base.annotations import Iterable, Iterator, Mapping, TypeVar
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.row import Row
from modprobe_ipsec.catalog.vocabulary import ALWAYS

Version = tuple[int, ...]
_NOTHING: Mapping[str, str] = {}
_NO_VERSIONS: Mapping[str, Version] = {}

NEWEST: Version = (9999, 0)
# Later than any.
NEVER: Version = (10_000, 0)
# What a value may be but a word of a list. Two texts, numbers or times in one conn quarrel if they
# differ; a list takes all.
_KINDS = frozenset({"text", "number", "time", "list", "word"})
_DEFAULTS = frozenset({"esp_ikev2", "esp_ikev1", "ah_ikev2", "ah_ikev1"})

_T = TypeVar("_T")


class Option(Value):
    """One option, whatever it is called where it stands."""

    # With `left` or `right` before it, if it is one of an end.
    name: str
    # text, number, time, list, word; or empty where only `words` count.
    kind: str
    # Each word it may be (lower case), and what that means.
    words: Mapping[str, str]
    # What it asks of the kernel: a key of data/features.yaml or of `LibreswanOptions.meaning`, or
    # empty.
    feature: str
    # The values with which it does; empty: all but nothing, 0 and no.
    when: tuple[str, ...]
    # Values with which it asks for another one.
    instead: Mapping[str, str] = _NOTHING
    # Values that no release knows from one on.
    until: Mapping[str, Version] = _NO_VERSIONS


class Probe(Value):
    """What pluto asks of the kernel when it starts."""

    since: Version
    esp: str
    features: tuple[str, ...]


class LibreswanOptions(Value):
    """All that is known of ipsec.conf. Keys are in lower case."""

    setup: Mapping[str, Option]
    conn: Mapping[str, Option]
    # Of other releases and builds.
    obsolete: frozenset[str]
    # Per version, the oldest first. `esp_ikev2`: what a conn offers that says nothing.
    defaults: Mapping[str, tuple[tuple[Version, str], ...]]
    meaning: Mapping[str, tuple[tuple[Version, tuple[str, ...]], ...]]
    by_family: frozenset[str]
    probe: Probe


def at(releases: Iterable[tuple[Version, _T]], version: Version) -> _T:
    """The entry that counts for a version: the newest that is not newer, or else the oldest."""
    entries = tuple(releases)
    return next((value for since, value in reversed(entries) if since <= version), entries[0][1])


def libreswan_options(table: Mapping[str, object]) -> LibreswanOptions:
    """Check the parsed data/daemons/libreswan.yaml. Raises ConfigError with file and line."""
    root = Row(table, "daemons/libreswan", 1)
    root.leave(*ALWAYS)
    words = {name: _words(row) for name, row in _each(root, "words")}
    booleans = words.get("bool", {})
    same = root.sub("same").words()
    setup = dict(_listed(root.texts("other_setup"), "text", {}))
    for name, row in _each(root, "setup"):
        setup[name] = _option(name, row, words)
    conn: dict[str, Option] = {}
    for kind, names in _lists(root, "other_conn"):
        conn.update(_listed(names, *_kind(kind, booleans)))
    for name, row in _each(root, "conn"):
        conn[name] = _option(name, row, words)
    ends: dict[str, Option] = {}
    for kind, names in _lists(root, "other_end"):
        ends.update(_listed(names, *_kind(kind, booleans)))
    for name, row in _each(root, "end"):
        ends[name] = _option(name, row, words)
    for old, name in same.items():
        for known in (setup, conn, ends):
            if name in known:
                known[old] = known[name]
    meaning = {
        name: tuple((since, row.texts(text)) for text, since in _releases(row))
        for name, row in _each(root, "meaning")
    }
    defaults = {
        name: tuple((since, row.take(text, str)) for text, since in _releases(row))
        for name, row in _each(root, "defaults")
    }
    if defaults.keys() != _DEFAULTS:
        raise root.error(f"`defaults` must have {', '.join(sorted(_DEFAULTS))}", "defaults")
    options = LibreswanOptions(
        setup=setup,
        conn=dict(_sides(ends)) | conn,
        obsolete=frozenset(root.texts("obsolete")),
        defaults=defaults,
        meaning=meaning,
        by_family=frozenset(root.texts("by_family")),
        probe=_probe(root.sub("probe")),
    )
    root.done()
    return options


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
    last: Version = (0, 0)
    for text in tuple(row.rest):
        if (version := row.version(text, text)) <= last:
            raise row.error("the oldest version must come first", text)
        last = version
        yield text, version
    if last == (0, 0):
        raise row.error("at least one version is needed")


def _words(row: Row) -> dict[str, str]:
    """`yes: [yes, true]` -> each word with its meaning."""
    words: dict[str, str] = {}
    for meaning in tuple(row.rest):
        for word in row.texts(meaning):
            if word in words:
                raise row.error(f"`{word}` is `{words[word]}` already", meaning)
            if word != word.lower():
                raise row.error(f"`{word}` must be lower case", meaning)
            words[word] = meaning
    return words


def _versions(row: Row) -> dict[str, Version]:
    return {value: row.version(value, text) for value, text in row.words().items()}


def _option(name: str, row: Row, words: Mapping[str, Mapping[str, str]]) -> Option:
    values = row.take("values", str)
    if values not in _KINDS and values not in words:
        raise row.error(f"`{values}` is neither in `words` nor {', '.join(sorted(_KINDS))}")
    option = Option(
        name=name,
        kind=values if values in _KINDS else "",
        words=words.get(values, {}),
        feature=row.take("feature", str, ""),
        when=row.texts("when", []),
        instead=row.sub("instead").words() if "instead" in row else {},
        until=_versions(row.sub("until")) if "until" in row else {},
    )
    for value in (*option.when, *option.instead, *option.until):
        if value not in option.words.values():
            raise row.error(f"`{name}` is never `{value}`")
    return option


def _kind(kind: str, booleans: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """How values are told apart that mean nothing here: `yes` is `true`, whatever else may be."""
    return ("word", booleans) if kind in ("bool", "word") else (kind, {})


def _listed(
    names: Iterable[str], kind: str, words: Mapping[str, str]
) -> Iterator[tuple[str, Option]]:
    for name in names:
        yield name, Option(name, kind, words, "", ())


def _sides(ends: Mapping[str, Option]) -> Iterator[tuple[str, Option]]:
    """Each option of an end by all its names; without a side it is the right one's."""
    for key, option in ends.items():
        for side in ("left", "right"):
            sided = option._replace(name=side + option.name)
            yield side + key, sided
            yield f"{side}-{key}", sided
            if side == "right" and key:
                yield key, sided


def _probe(row: Row) -> Probe:
    probe = Probe(
        row.version("since", row.take("since", str)), row.take("esp", str), row.texts("features")
    )
    row.done()
    return probe
