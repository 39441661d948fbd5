# SPDX-License-Identifier: GPL-3.0-or-later
"""The file format of starter's ipsec.conf: conns, their settings, and what they inherit.

source: src/starter/parser/lexer.l, parser.y, conf_parser.c
"""

import re

from modprobe_ipsec.base.annotations import NoReturn
from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.text import name as show_name
from modprobe_ipsec.daemons.strongswan.files import Opener, Text
from modprobe_ipsec.daemons.strongswan.quotes import ESCAPE, QUOTED, file_name, parts, unquote
from modprobe_ipsec.daemons.strongswan.settings import Setting
from modprobe_ipsec.needs.reading import Files, Problem

# `also=` that lead to `also=`.
MAX_ALSO = 64
# Steps that a conn costs each time it is inherited, and a setting of it.
_INHERITED = 5
_DEFAULT = "%default"

_LINE = re.compile(
    r"""(?: [\t ]*+version[^\n]*+\n
    | [\t ]*+(?:\#[^\n]*+)?(?:\n|\Z)
    | (?P<type>config[ ]setup|conn|ca)(?=[\t "\#=\n]|\Z)
    | (?P<blank>[\t ]*+)(?P<include>include[\t ]+(?=[^=]))
    | [\t ]++(?:(?P<key>[^"\#=\ \t\n]++)|(?P<quoted>"(?:[^"\\]|\\[\s\S])*+"))
      [\t ]*+(?P<equals>=)?[\t ]*+(?P<value>[^"\#=\n]*+)
    )""",
    re.VERBOSE,
)
_END = re.compile(r"[\t ]*+(?:\#[^\n]*+)?(?:\n|\Z)")
_PART = re.compile(rf"""[\t ]*+(?:({QUOTED})|((?:@\#)?[^"\#=\ \t\n]++))""")
_PATTERN = re.compile(rf"""({QUOTED})|\\(["\#}} ])|([^"\\\#\n\t ]+|\\)""")


class Conn:
    """One conn section, or several of its name."""

    __slots__ = ("also", "at", "name", "settings", "text")

    def __init__(self, name: str, text: Text, at: int) -> None:
        self.name, self.text, self.at = name, text, at
        self.settings: dict[str, Setting] = {}
        self.also: list[Setting] = []


class Conns:
    """All conns of a configuration, in order."""

    def __init__(
        self,
        conns: dict[str, Conn],
        parents: dict[str, tuple[Conn, ...]],
        problems: list[Problem],
        budget: Budget,
    ) -> None:
        self.conns, self.problems = conns, problems
        # The most important first, for each conn.
        self._parents, self._budget = parents, budget

    def settings(self, conn: Conn) -> dict[str, Setting]:
        """What is set, in the order in which starter takes it: by name, the own settings first.

        An empty value hides an inherited one.
        """
        found: dict[str, Setting] = {}
        for part in (conn, *self._parents[conn.name]):
            self._budget.spend("steps", _INHERITED * (1 + len(part.settings)), conn.text)
            for key in sorted(part.settings):
                found.setdefault(key, part.settings[key])
        return {key: setting for key, setting in found.items() if setting.value is not None}


def parse(path: str, files: Files) -> Conns:
    """Read an ipsec.conf and all that it includes. Raises ConfigError, as starter stops there."""
    budget = Budget()
    reader = _Reader(files, budget)
    reader.run(path)
    parents = _Inheritance(reader.conns, budget).parents
    return Conns(reader.conns, parents, reader.opener.problems, budget)


class _Reader:
    def __init__(self, files: Files, budget: Budget) -> None:
        self.opener = Opener(files, budget)
        self.conns: dict[str, Conn] = {}
        # Settings go to the conn that was opened last, even by a file that has ended since.
        self._conn: Conn | None = None

    def run(self, path: str) -> None:
        self.opener.start(path)
        while self.opener.stack:
            frame = self.opener.stack[-1]
            if frame.at >= len(frame.text.text):
                self.opener.stack.pop()
                continue
            match = _LINE.match(frame.text.text, frame.at)
            if not match:
                _stray(frame.text, frame.at)
            start, frame.at = frame.at, match.end()
            kind = match.lastgroup
            if kind is None:
                continue
            self.opener.count(frame.text, start)
            if kind == "type":
                frame.at = self._section(frame.text, start, match["type"], match.end())
            elif kind == "include":
                pattern, frame.at, _ = file_name(_PATTERN, frame.text.text, match.end(), ESCAPE)
                frame.at = self._after_include(frame.text, frame.at)
                self.opener.include(pattern, start)
            else:
                frame.at = self._setting(frame.text, start, match)

    def _section(self, text: Text, start: int, kind: str, at: int) -> int:
        found, at = _value(text, at)
        if len(found) > 1 or not (end := _END.match(text.text, at)):
            text.fail(start, f"`{kind}` takes one name, and a line for itself")
        if kind == "config setup":
            self._conn = None
            return end.end()
        if not found or not found[0]:
            text.fail(start, f"`{kind}` needs a name")
        if kind == "ca":
            self._conn = None
        else:
            conn = self.conns.get(found[0])
            if conn is None:
                conn = self.conns[found[0]] = Conn(found[0], text, start)
            self._conn = conn
        return end.end()

    def _after_include(self, text: Text, at: int) -> int:
        """A line's rest, if there is one: a comment."""
        end = _END.match(text.text, at)
        if not end:
            text.fail(at, "`include` takes one file name or pattern")
        return end.end()

    def _setting(self, text: Text, start: int, match: re.Match[str]) -> int:
        key = match["key"] if match["key"] is not None else unquote(match["quoted"], ESCAPE)
        if not match["equals"]:
            text.fail(start, "a setting is `key=value`: the `=` is missing")
        if not key:
            text.fail(start, "a setting needs a name before the `=`")
        at, plain = match.end(), match["value"]
        follows = text.text[at : at + 1]
        value: str | None
        if follows in ("", "\n") or (follows == "#" and not plain.endswith("@")):
            value = " ".join(re.findall(r"[^\t ]+", plain)) or None
        else:
            found, at = _value(text, match.start("value"))
            value = " ".join(found) if found else None
        end = _END.match(text.text, at)
        if not end:
            what = (
                "this quote is never closed"
                if text.text[at : at + 1] == '"'
                else ("a value with `=` in it must stand in quotes")
            )
            text.fail(start, what)
        if self._conn is not None:
            setting = Setting(value, text, start)
            if key != "also":
                self._conn.settings[key] = setting
            elif value and value != _DEFAULT:
                self._conn.also.append(setting)
        return end.end()


class _Inheritance:
    """Follows `also=`: of each conn all that it inherits from, the most important first."""

    def __init__(self, conns: dict[str, Conn], budget: Budget) -> None:
        self._budget = budget
        self.parents: dict[str, tuple[Conn, ...]] = {}
        self._conns = conns
        self._default = conns.get(_DEFAULT)
        if self._default:
            self.parents[_DEFAULT] = ()
        for conn in conns.values():
            self._resolve(conn, [])

    def _resolve(self, conn: Conn, stack: list[str]) -> tuple[Conn, ...]:
        if conn.name in self.parents:
            return self.parents[conn.name]
        stack.append(conn.name)
        found: list[Conn] = []
        # the last one counts most
        for also in reversed(conn.also):
            parent = self._conns.get(also.value or "")
            if parent is None:
                also.text.fail(also.at, "also= names a conn that is not there")
            if parent.name in stack:
                also.text.fail(also.at, f"conn `{show_name(parent.name)}` includes itself")
            if len(stack) >= MAX_ALSO:
                also.text.refuse(also.at, f"`also` leads on more than {MAX_ALSO} times")
            found += (parent, *self._resolve(parent, stack))
            self._budget.spend("steps", _INHERITED * len(found), also.text)
        stack.pop()
        if not found and self._default:
            found.append(self._default)
        # of several the last counts: what others inherit from comes after them
        self.parents[conn.name] = tuple(dict.fromkeys(reversed(found)))[::-1]
        return self.parents[conn.name]


def _value(text: Text, at: int) -> tuple[list[str], int]:
    """The parts of a value, quoted or not, and where it ends."""
    return parts(_PART, text.text, at, ESCAPE)


def _stray(text: Text, at: int) -> NoReturn:
    """What stands in a column where it cannot."""
    line = text.text[at : at + 200].partition("\n")[0]
    if line.strip() == "":
        raise ConfigError(
            f"{text.path}:{text.place(at).line}: there is a carriage return here",
            "convert the file's line ends: starter takes no others than its own",
        )
    what = "only `config setup`, `conn`, `ca` and `include` stand at the start of a line"
    if line[:1] in "\t ":
        what = "a setting is `key=value`"
    text.fail(at, what)
