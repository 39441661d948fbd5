# SPDX-License-Identifier: GPL-3.0-or-later
"""One mapping of the map, read key by key; a mistake names its file and line."""

from modprobe_ipsec.base.annotations import Iterator, Mapping, Self, TypeVar
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.value import StrEnum
from modprobe_ipsec.base.version import numbers
from modprobe_ipsec.catalog.table import Table

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


# What a value must be, for people.
_NAMES: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
}


class Row:
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

    def __contains__(self, key: str) -> bool:
        """Whether the key is there and was not taken yet."""
        return key in self.rest

    def error(self, what: str, key: str = "") -> ConfigError:
        """A mistake in the mapping, or at one of its keys, with file and line."""
        line = self.lines.get(key, self.line)
        return ConfigError(f"data/{self.file}.yaml:{line}: {what}")

    def quoted(self, value: object) -> str:
        """A value in a message: the map is nobody's secret."""
        return f"`{value}`"

    def take(self, key: str, kind: type[_T], default: _T | None = None) -> _T:
        """A value of that type; `default` if it is not there."""
        if key not in self.rest:
            if default is None:
                raise self.error(f"`{key}` is missing")
            return default
        value = self.rest.pop(key)
        # bool is an int in Python, but not in the map
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(f"`{key}` must be {_NAMES[kind]}, not {self.quoted(value)}", key)
        return value

    def choice(self, key: str, enum: type[_E], value: str) -> _E:
        """`value` as a member of an enumeration."""
        try:
            return enum(value)
        except ValueError:
            names = ", ".join(enum)
            raise self.error(f"{self.quoted(value)} is none of {names}", key) from None

    def texts(self, key: str, default: list[str] | None = None) -> tuple[str, ...]:
        """A list of texts."""
        values = self.take(key, list, default)
        for value in values:
            if not isinstance(value, str):
                raise self.error(f"`{key}` must hold texts; quote {self.quoted(value)}", key)
        return tuple(values)

    def words(self) -> dict[str, str]:
        """All keys, each of them a text."""
        return {key: self.take(key, str) for key in tuple(self.rest)}

    def version(self, key: str, text: str) -> tuple[int, int]:
        """`6.18` -> (6, 18)."""
        match numbers(text):
            case (major, minor) if text == f"{major}.{minor}":
                return major, minor
        raise self.error(f"{self.quoted(text)} is no version such as '6.18'", key)

    def rows(self) -> Iterator[tuple[str, Self]]:
        """All keys, each of them a mapping."""
        for key, value in self.table.items():
            yield key, type(self)(value, self.file, self.lines.get(key, self.line))
        self.rest.clear()

    def sub(self, key: str) -> Self:
        """A key that is a mapping."""
        return type(self)(self.take(key, dict), self.file, self.lines.get(key, self.line))

    def leave(self, *keys: str) -> None:
        """Keys that another reader takes."""
        for key in keys:
            self.rest.pop(key, None)

    def done(self) -> None:
        """Nothing may be left over."""
        for key in self.rest:
            raise self.error(f"unknown key {self.quoted(key)}", key)
