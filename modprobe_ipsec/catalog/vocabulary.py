# SPDX-License-Identifier: GPL-3.0-or-later
"""`proposals` of data/daemons/NAME.yaml: the words in which a daemon's proposals are written."""

from modprobe_ipsec.base.annotations import Iterator, Mapping
from modprobe_ipsec.base.version import numbers
from modprobe_ipsec.catalog.model import Protocol, Transform, Vocabulary, Word
from modprobe_ipsec.catalog.row import Row


def vocabulary(row: Row, transforms: Mapping[str, Transform]) -> Vocabulary:
    """Check and type the `proposals` of a daemon. Raises ConfigError with file and line."""
    any_case = row.take("any_case", bool, False)
    sized = row.take("sized", bool, False)
    ikev1, ikev2, not_in_fips = (
        _names(row, key, transforms) for key in ("ikev1_only", "ikev2_only", "not_in_fips")
    )
    words: dict[str, Word] = {}
    below = row.sub("words")
    for name in below.table:
        if name not in transforms:
            raise below.error(f"`{name}` is no transform of transforms.yaml", name)
        ike = 1 if name in ikev1 else 2 if name in ikev2 else 0
        for word, bits in _sized(below, name, transforms[name].key_bits, sized):
            if word in words:
                raise below.error(f"`{word}` is {words[word].transform.name} already", name)
            if any_case and word != word.lower():
                raise below.error(f"`{word}` must be lower case", name)
            words[word] = Word(transforms[name], bits, ike, name not in not_in_fips)
    defaults = row.sub("defaults")
    found = Vocabulary(
        words=words,
        key_exchange=frozenset(row.texts("key_exchange")),
        prf=frozenset(row.texts("prf", [])),
        refused=frozenset(row.texts("refused", [])),
        defaults={p: tuple(_history(defaults, p)) for p in (Protocol.ESP, Protocol.AH)},
    )
    defaults.done()
    row.done()
    return found


def _names(row: Row, key: str, transforms: Mapping[str, Transform]) -> frozenset[str]:
    names = row.texts(key, [])
    for name in names:
        if name not in transforms:
            raise row.error(f"`{name}` is no transform of transforms.yaml", key)
    return frozenset(names)


def _history(row: Row, key: str) -> Iterator[tuple[tuple[int, ...], str]]:
    """A text, or texts by the release that brought each, the oldest first."""
    if isinstance(row.table.get(key), str):
        yield (), row.take(key, str)
        return
    last: tuple[int, ...] = ()
    below = row.sub(key)
    for text, value in below.words().items():
        release = numbers(text)
        if ".".join(map(str, release)) != text or release <= last:
            raise below.error(f"`{text}` is no release that comes next", text)
        last = release
        yield release, value
    if not last:
        raise row.error(f"`{key}` has no release", key)


def _sized(
    row: Row, name: str, key_bits: tuple[int, ...], sized: bool
) -> Iterator[tuple[str, int]]:
    """The words of a transform with the key length that each one says; 0: none."""
    for text in row.texts(name):
        word, equals, bits = text.partition("=")
        if not sized:
            yield text, 0
        elif equals and bits.isdecimal() and int(bits) in key_bits and "#" not in word:
            yield word, int(bits)
        elif not equals and "#" in word:
            yield from ((word.replace("#", str(size)), size) for size in key_bits)
        else:
            raise row.error(f"`{text}` says no key length of `key`", name)
