# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML of `data/` -> `Catalog`, checked: a mistake names its file and line."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from modprobe_ipsec.catalog.model import (
    Catalog,
    Daemon,
    Family,
    Kind,
    Part,
    Protocol,
    Request,
    Transform,
    Until,
)
from modprobe_ipsec.catalog.table import Table
from modprobe_ipsec.errors import ConfigError

FILES = ("transforms", "exchange", "defaults", "crypto", "protocols", "never_load")

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


class _Row:
    """Takes the keys of one mapping, each with its type; what is left over is a mistake."""

    def __init__(self, table: object, file: str, line: int) -> None:
        self.file, self.line = file, line
        # Before the first error, which may need them; a map that was parsed at build time, and
        # checked then, has none.
        self.lines: Mapping[str, int] = table.lines if isinstance(table, Table) else {}
        if not isinstance(table, dict):
            raise self.error("a mapping is expected")
        self.table: dict[str, object] = table
        self.rest = dict(table)

    def error(self, what: str, key: str = "") -> ConfigError:
        line = self.lines.get(key, self.line)
        return ConfigError(f"data/{self.file}.yaml:{line}: {what}")

    def take(self, key: str, kind: type[_T], default: _T | None = None) -> _T:
        if key not in self.rest:
            if default is None:
                raise self.error(f"`{key}` is missing")
            return default
        value = self.rest.pop(key)
        # bool is an int in Python, but not in the map
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(f"`{key}` must be {kind.__name__}, not `{value}`", key)
        return value

    def choice(self, key: str, enum: type[_E], value: str) -> _E:
        try:
            return enum(value)
        except ValueError:
            names = ", ".join(enum)
            raise self.error(f"`{value}` is none of {names}", key) from None

    def texts(self, key: str, default: list[str] | None = None) -> tuple[str, ...]:
        values = self.take(key, list, default)
        for value in values:
            if not isinstance(value, str):
                raise self.error(f"`{key}` must hold texts; quote {value}", key)
        return tuple(values)

    def version(self, key: str, text: str) -> tuple[int, int]:
        major, dot, minor = text.partition(".")
        if not (dot and major.isdecimal() and minor.isdecimal()):
            raise self.error(f"`{text}` is no kernel version such as '6.18'", key)
        return int(major), int(minor)

    def rows(self) -> Iterator[tuple[str, "_Row"]]:
        """All keys, each of them a mapping."""
        for key, value in self.table.items():
            yield key, _Row(value, self.file, self.lines.get(key, 0))
        self.rest.clear()

    def sub(self, key: str) -> "_Row":
        return _Row(self.take(key, dict), self.file, self.lines.get(key, 0))

    def done(self) -> None:
        for key in self.rest:
            raise self.error(f"unknown key `{key}`", key)


def parse_all(texts: Mapping[str, str]) -> dict[str, Table]:
    """Parse the YAML text of each of `FILES`. Raises ConfigError that names file and line."""
    # costs as much as the rest of a start-up; an installed package has the map parsed already
    from modprobe_ipsec.catalog.strict_yaml import parse

    return {name: parse(texts[name], f"data/{name}.yaml") for name in FILES}


def build(trees: Mapping[str, object]) -> Catalog:
    """Check the parsed map and make the catalog.

    Raises ConfigError that names file and line.
    """
    rows = {name: _Row(trees[name], name, 1) for name in FILES}
    transforms = {name: _transform(name, row) for name, row in rows["transforms"].rows()}
    crypto = rows["crypto"]
    catalog = Catalog(
        transforms=transforms,
        libreswan=_libreswan(rows["transforms"], transforms),
        strongswan=_strongswan(rows["transforms"], transforms),
        **_exchange(rows["exchange"]),
        defaults=_defaults(rows["defaults"]),
        parts=_parts(crypto.sub("parts")),
        not_for_packets=frozenset(crypto.texts("not_for_packets")),
        until=dict(_until(crypto.sub("until"))),
        whole={arch: _lists(row) for arch, row in crypto.sub("whole").rows()},
        cpu_words=_words(crypto.sub("cpu_words")),
        config=_words(crypto.sub("config")),
        xfrm=_request(rows["protocols"].sub("xfrm")),
        types=dict(_types(rows["protocols"])),
        never_load=_words(rows["never_load"]),
    )
    for row in rows.values():
        row.done()
    return catalog


def _transform(name: str, row: _Row) -> Transform:
    kind = row.choice("kind", Kind, row.take("kind", str))
    protocols = row.texts("in", ["esp", "ah"] if kind is Kind.AUTH else ["esp"])
    xfrm, why_not = row.take("xfrm", str, ""), row.take("why_not", str, "")
    if bool(xfrm) == bool(why_not):
        raise row.error("either `xfrm` or `why_not` is needed")
    only = row.take("libreswan_only", str, "")
    if only not in ("", "ikev1", "ikev2"):
        raise row.error("`libreswan_only` is ikev1 or ikev2", "libreswan_only")
    key_bits: list[Any] = row.take("key", list)
    if not key_bits or not all(type(bits) is int for bits in key_bits):
        raise row.error("`key` must list key lengths in bits", "key")
    strongswan: dict[str, int] = {}
    for word in row.texts("strongswan", []):
        keyword, equals, bits = word.partition("=")
        if equals and bits.isdecimal() and int(bits) in key_bits and "#" not in keyword:
            strongswan[keyword] = int(bits)
        elif not equals and "#" in keyword:
            strongswan |= {keyword.replace("#", str(bits)): bits for bits in key_bits}
        else:
            raise row.error(f"`{word}` says no key length of `key`", "strongswan")
    transform = Transform(
        name=name,
        kind=kind,
        iana=row.take("iana", int),
        xfrm=xfrm,
        protocols=tuple(row.choice("in", Protocol, protocol) for protocol in protocols),
        key_bits=tuple(key_bits),
        salt_bits=row.take("salt", int, 0),
        icv_bits=row.take("icv", int, 0),
        geniv=row.take("geniv", str, ""),
        libreswan=row.texts("libreswan", []),
        libreswan_ike={"": 0, "ikev1": 1, "ikev2": 2}[only],
        libreswan_fips=row.take("libreswan_fips", bool, True),
        strongswan=strongswan,
        why_not=why_not,
    )
    row.done()
    return transform


def _libreswan(row: _Row, transforms: Mapping[str, Transform]) -> dict[str, Transform]:
    words: dict[str, Transform] = {}
    for name, transform in transforms.items():
        for word in transform.libreswan:
            if word in words:
                raise row.error(f"`{word}` is {words[word].name} already", name)
            if word != word.lower():
                raise row.error(f"`{word}` must be lower case", name)
            words[word] = transform
    return words


def _strongswan(row: _Row, transforms: Mapping[str, Transform]) -> dict[str, tuple[Transform, int]]:
    words: dict[str, tuple[Transform, int]] = {}
    for name, transform in transforms.items():
        for word, bits in transform.strongswan.items():
            if word in words:
                raise row.error(f"`{word}` is {words[word][0].name} already", name)
            words[word] = (transform, bits)
    return words


def _exchange(row: _Row) -> dict[str, Any]:
    libreswan, strongswan = row.sub("libreswan"), row.sub("strongswan")
    result = {
        "key_exchange": {
            Daemon.LIBRESWAN: frozenset(libreswan.texts("key_exchange")),
            Daemon.STRONGSWAN: frozenset(strongswan.texts("key_exchange")),
        },
        "prf": {
            Daemon.LIBRESWAN: frozenset[str](),
            Daemon.STRONGSWAN: frozenset(strongswan.texts("prf")),
        },
        "not_supported": frozenset(libreswan.texts("not_supported")),
    }
    libreswan.done()
    strongswan.done()
    return result


def _defaults(row: _Row) -> dict[Daemon, dict[Protocol, str]]:
    result: dict[Daemon, dict[Protocol, str]] = {}
    for daemon in Daemon:
        sub = row.sub(daemon)
        result[daemon] = {p: sub.take(p, str) for p in (Protocol.ESP, Protocol.AH)}
        sub.done()
    return result


def _until(row: _Row) -> Iterator[tuple[str, Until]]:
    for name, sub in row.rows():
        last, gone = (sub.version(key, sub.take(key, str)) for key in ("last", "gone"))
        yield name, Until(last, gone, sub.take("fips", bool, False))
        sub.done()


def _parts(row: _Row) -> dict[str, tuple[Part, ...]]:
    result = {}
    for name in row.table:
        parts = []
        for text in row.texts(name):
            request, _, condition = text.partition(" ")
            if condition.startswith(">="):
                part = Part(request, since=row.version(name, condition[2:]))
            elif condition.startswith("<"):
                part = Part(request, before=row.version(name, condition[1:]))
            elif condition:
                raise row.error(f"`{condition}` is neither >=X.Y nor <X.Y", name)
            else:
                part = Part(request)
            parts.append(part)
        result[name] = tuple(parts)
    return result


def _lists(row: _Row) -> dict[str, tuple[str, ...]]:
    return {key: row.texts(key) for key in row.table}


def _words(row: _Row) -> dict[str, str]:
    return {key: row.take(key, str) for key in row.table}


def _request(row: _Row) -> Request:
    words = (row.take(key, str) for key in ("request", "module", "config", "title"))
    request = Request(*words)
    row.done()
    return request


def _types(row: _Row) -> Iterator[tuple[tuple[Protocol, Family], tuple[Request, ...]]]:
    for protocol in Protocol:
        sub = row.sub(protocol)
        for family in Family:
            line = sub.lines.get(family, sub.line)
            entries = (_Row(entry, sub.file, line) for entry in sub.take(family, list))
            yield (protocol, family), tuple(_request(entry) for entry in entries)
        sub.done()
