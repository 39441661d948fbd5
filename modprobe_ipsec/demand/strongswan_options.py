# SPDX-License-Identifier: GPL-3.0-or-later
"""`data/strongswan.yaml` -> what options strongSwan knows and what they ask of the kernel."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeVar

from modprobe_ipsec.catalog.table import Table
from modprobe_ipsec.demand.need import Mode
from modprobe_ipsec.errors import ConfigError

NAME = "strongswan"
"""Of the file in data/, as catalog.loader.FILES has it."""

# Kinds of values that are grammars of their own.
GRAMMARS = frozenset(
    ("text", "files", "mode", "proposals", "ike_proposals", "addresses", "selectors", "hosts")
)
KERNELS = ("netlink", "pfkey", "libipsec")

_T = TypeVar("_T")


class Kind(NamedTuple):
    """What a value may be: one of `words` in any case, of `exact` as written, or a pattern."""

    words: frozenset[str]
    exact: frozenset[str]
    pattern: str


class Ask(NamedTuple):
    """The feature that an option asks for if its whole value matches the pattern, in any case."""

    feature: str
    pattern: str
    # Whether each address family has one of its own.
    families: bool
    # Values that ask for nothing, and why that is worth a word.
    quiet: Mapping[str, str]


class Plugin(NamedTuple):
    """A plugin that changes what is asked for."""

    # A key of features.yaml, or empty.
    feature: str
    # Whether nothing fails without it.
    optional: bool
    # The way to the kernel that it offers, one of KERNELS, or empty.
    kernel: str
    # What does not work with it.
    problem: str


class Options(NamedTuple):
    """The whole of data/strongswan.yaml."""

    kinds: Mapping[str, Kind]
    # Option -> kind, of each kind of section.
    connection: Mapping[str, str]
    authentication: Mapping[str, str]
    child: Mapping[str, str]
    conn: Mapping[str, str]
    end: Mapping[str, str]
    # Keywords of ipsec.conf that belong into other sections than conns, or nowhere any more.
    elsewhere: frozenset[str]
    deprecated: frozenset[str]
    only_strongswan: frozenset[str]
    only_libreswan: frozenset[str]
    modes: Mapping[str, tuple[Mode, ...]]
    shunts: Mapping[str, str]
    asks: Mapping[str, Ask]
    plugins: Mapping[str, Plugin]


def build(tree: object) -> Options:
    """Check the parsed file. Raises ConfigError that names file and line."""
    top = _Row(tree, 1)
    swanctl, starter = top.row("swanctl"), top.row("starter")
    kinds = {name: _kind(row) for name, row in top.row("kinds").rows()}
    known = GRAMMARS | kinds.keys()
    options = Options(
        kinds=kinds,
        connection=_table(swanctl.row("connection"), known),
        authentication=_table(swanctl.row("authentication"), known),
        child=_table(swanctl.row("child"), known),
        conn=_table(starter.row("conn"), known),
        end=_table(starter.row("end"), known),
        elsewhere=frozenset(starter.texts("elsewhere")),
        deprecated=frozenset(starter.texts("deprecated")),
        only_strongswan=frozenset(starter.texts("only_strongswan")),
        only_libreswan=frozenset(starter.texts("only_libreswan")),
        modes=_modes(top.row("modes")),
        shunts=top.row("shunts").words(),
        asks={name: _ask(row) for name, row in top.row("asks").rows()},
        plugins={name: _plugin(row) for name, row in top.row("plugins").rows()},
    )
    for row in (swanctl, starter, top):
        row.done()
    return options


class _Row:
    """Takes the keys of one mapping, each with its type; what is left over is a mistake."""

    def __init__(self, table: object, line: int) -> None:
        self.line = line
        self.lines: Mapping[str, int] = table.lines if isinstance(table, Table) else {}
        if not isinstance(table, dict):
            raise self.error("a mapping is expected")
        self.rest: dict[str, object] = dict(table)

    def error(self, what: str, key: str = "") -> ConfigError:
        return ConfigError(f"data/{NAME}.yaml:{self.lines.get(key, self.line)}: {what}")

    def take(self, key: str, kind: type[_T], default: _T | None = None) -> _T:
        if key not in self.rest:
            if default is None:
                raise self.error(f"`{key}` is missing")
            return default
        value = self.rest.pop(key)
        if not isinstance(value, kind):
            raise self.error(f"`{key}` must be {kind.__name__}, not `{value}`", key)
        return value

    def texts(self, key: str, default: list[str] | None = None) -> tuple[str, ...]:
        values = self.take(key, list, default)
        for value in values:
            if not isinstance(value, str):
                raise self.error(f"`{key}` must hold texts; quote {value}", key)
        return tuple(values)

    def words(self) -> dict[str, str]:
        return {key: self.take(key, str) for key in tuple(self.rest)}

    def row(self, key: str) -> "_Row":
        return _Row(self.take(key, dict), self.lines.get(key, self.line))

    def rows(self) -> Iterator[tuple[str, "_Row"]]:
        for key in tuple(self.rest):
            yield key, self.row(key)

    def done(self) -> None:
        for key in self.rest:
            raise self.error(f"unknown key `{key}`", key)


def _kind(row: _Row) -> Kind:
    words, exact = row.texts("words", []), row.texts("exact", [])
    kind = Kind(frozenset(words), frozenset(exact), row.take("pattern", str, ""))
    if sum(map(bool, kind)) != 1:
        raise row.error("one of `words`, `exact` and `pattern` is needed")
    row.done()
    return kind


def _table(row: _Row, known: frozenset[str]) -> dict[str, str]:
    table = row.words()
    for option, kind in table.items():
        if kind not in known:
            raise row.error(f"`{kind}` is no kind of value", option)
    return table


def _modes(row: _Row) -> dict[str, tuple[Mode, ...]]:
    result: dict[str, tuple[Mode, ...]] = {}
    for name in tuple(row.rest):
        try:
            result[name] = tuple(Mode(mode) for mode in row.texts(name))
        except ValueError as error:
            raise row.error(f"{error} of an SA", name) from None
    return result


def _ask(row: _Row) -> Ask:
    ask = Ask(
        feature=row.take("feature", str),
        pattern=row.take("pattern", str),
        families=row.take("families", bool, False),
        quiet=row.row("quiet").words() if "quiet" in row.rest else {},
    )
    row.done()
    return ask


def _plugin(row: _Row) -> Plugin:
    kernel = row.take("kernel", str, "")
    if kernel not in ("", *KERNELS):
        raise row.error(f"`{kernel}` is none of {', '.join(KERNELS)}", "kernel")
    plugin = Plugin(
        feature=row.take("feature", str, ""),
        optional=row.take("optional", bool, False),
        kernel=kernel,
        problem=row.take("problem", str, ""),
    )
    row.done()
    return plugin
