# SPDX-License-Identifier: GPL-3.0-or-later
"""The file format of strongswan.conf and swanctl.conf: sections, settings, includes, references.

source: src/libstrongswan/settings/settings_lexer.l, settings_parser.y, settings.c
"""

import re

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.daemons.strongswan.files import Opener, Text
from modprobe_ipsec.daemons.strongswan.quotes import (
    ESCAPE_OR_RETURN,
    QUOTED,
    file_name,
    parts,
)
from modprobe_ipsec.needs.reading import Files, Place, Problem

# Sections inside one another; real files have six.
MAX_NESTING = 64
# References that lead to references.
MAX_REFERENCES = 64
# Steps that a section costs each time it is inherited, against one for each of its settings: a
# template can stand in thousands of places.
_SECTION_STEPS = 50

_GAP = r"(?:[\t\r\n ]++|\#[^\n]*+)*+"
_NAME = r"[^\#{}:.,=\"\r\n\t ]++"
_STATEMENT = re.compile(
    rf"""{_GAP}(?:
        ({_NAME}) {_GAP} (?: = [\t\r ]*+ ([^\#}}"\n]*+) (")? | (\{{) | (:) )?
        | (\}})
    )?""",
    re.VERBOSE,
)
_REFERENCES = re.compile(
    rf"{_GAP}((?:{_NAME}(?:\.{_NAME})*+{_GAP},{_GAP})*+{_NAME}(?:\.{_NAME})*+){_GAP}\{{"
)
_COMMENT = re.compile(r"#[^\n]*")
_SPACE = re.compile(r"[\t\r ]*+")
# As flex has it: of `include  = x` (two spaces) the first space makes it an include, of nothing.
_INCLUDE = re.compile(r"include[\t ]+(?=[^=])")
_PART = re.compile(rf"""[\t\r ]*+(?:({QUOTED})|([^\#}}"\r\n\t ]++))""")
_PATTERN = re.compile(rf"""\r|({QUOTED})|\\(["\#}} ])|([^"\\\#}}\r\n\t ]+|\\)""")

TRUE = frozenset(("1", "yes", "true", "enabled"))
FALSE = frozenset(("0", "no", "false", "disabled"))


class Setting(Value):
    """One `key = value`; None where the value is empty, which restores the default."""

    value: str | None
    text: Text
    at: int

    @property
    def place(self) -> Place:
        return self.text.place(self.at)


class Section:
    """What stands in all sections of one name, in this place."""

    __slots__ = ("at", "name", "references", "sections", "settings", "text")

    def __init__(self, name: str, text: Text, at: int) -> None:
        self.name, self.text, self.at = name, text, at
        self.settings: dict[str, Setting] = {}
        self.sections: dict[str, Section] = {}
        # In their order, each once.
        self.references: dict[str, None] = {}


class Node:
    """A section together with all that it inherits."""

    __slots__ = ("_settings", "parts")

    def __init__(self, settings: "Settings", parts: tuple[Section, ...]) -> None:
        self._settings, self.parts = settings, parts

    @property
    def place(self) -> Place:
        """Where it stands, or first comes from. There is such a place unless it is empty."""
        first = self.parts[0]
        return first.text.place(first.at)

    def values(self) -> dict[str, Setting]:
        """What is set, the own settings first; an empty assignment hides an inherited value."""
        for part in self.parts:
            self._settings.step(part, len(part.settings))
        if len(self.parts) == 1:
            found = self.parts[0].settings
        else:
            found = {}
            for part in self.parts:
                for key, setting in part.settings.items():
                    found.setdefault(key, setting)
        return {key: setting for key, setting in found.items() if setting.value is not None}

    def children(self) -> Iterator[tuple[str, "Node"]]:
        """All sections in it, inherited ones too."""
        for name in dict.fromkeys(name for part in self.parts for name in part.sections):
            yield name, self.child(name)

    def child(self, name: str) -> "Node":
        """The section of that name; empty if there is none."""
        return Node(self._settings, self._settings.below(self.parts, name))


class Settings:
    """One configuration, read completely. References are followed when something is looked up."""

    def __init__(self, root: Section, problems: list[Problem], budget: Budget) -> None:
        self._budget = budget
        self.root = Node(self, (root,))
        # Includes and references that lead nowhere: no connection is lost by them.
        self.problems = problems
        self._resolved: dict[str, tuple[Section, ...]] = {}
        self._resolving: dict[str, None] = {}
        self._loops = 0

    def find(self, *names: str) -> Node:
        """The section of this path; empty if there is none."""
        node = self.root
        for name in names:
            node = node.child(name)
        return node

    def below(self, parents: tuple[Section, ...], name: str) -> tuple[Section, ...]:
        """All that makes up section `name` of these: of each, itself and then what it refers to."""
        found: dict[Section, None] = {}
        for parent in parents:
            self.step(parent, _SECTION_STEPS)
            section = parent.sections.get(name)
            if section is None or section in found:
                continue
            found[section] = None
            self.step(section, len(section.references))
            for reference in section.references:
                found.update(dict.fromkeys(self._resolve(reference, section)))
        return tuple(found)

    def step(self, section: Section, steps: int) -> None:
        """Some more of the work that is done at most."""
        self._budget.spend("steps", steps, section.text)

    def _resolve(self, reference: str, user: Section) -> tuple[Section, ...]:
        if reference in self._resolved:
            return self._resolved[reference]
        if reference in self._resolving:
            self._loops += 1
            return ()
        if len(self._resolving) >= MAX_REFERENCES:
            user.text.refuse(user.at, f"references lead on more than {MAX_REFERENCES} times")
        loops = self._loops
        self._resolving[reference] = None
        parts = self.root.parts
        for name in reference.split("."):
            parts = self.below(parts, name)
        del self._resolving[reference]
        self.step(user, len(parts))
        if self._loops == loops or not self._resolving:
            # what was found from inside a loop is not all that is found from outside
            self._resolved[reference] = parts
        if not parts and self._loops == loops:
            what = "a section to inherit from is not there"
            self.problems.append(Problem(user.text.place(user.at), "", what))
        return parts


def as_number(value: str, default: int) -> int:
    """Decimal, or hexadecimal after 0x; anything else counts for nothing."""
    base = 16 if value.startswith("0x") else 10
    try:
        # not what only Python takes for a number
        return int(value, base) if value.isascii() and "_" not in value else default
    except ValueError:
        return default


def parse(path: str, files: Files) -> Settings:
    """Read a file and all that it includes. Raises ConfigError, as strongSwan rejects it whole."""
    budget = Budget()
    opener = Opener(files, budget)
    opener.start(path)
    root = Section("", opener.stack[0].text, 0)
    open_sections = [root]
    last = opener.stack[0].text
    while opener.stack:
        frame = opener.stack[-1]
        last = frame.text
        match = _STATEMENT.match(last.text, frame.at)
        # all of it is optional
        assert match is not None  # noqa: S101
        name, value, quote, brace, colon, end = match.groups()
        start, frame.at = match.start(1), match.end()
        if name == "include" and (include := _INCLUDE.match(last.text, start)):
            opener.count(last, start)
            pattern, frame.at = _pattern(last, include.end())
            opener.include(pattern, start)
        elif value is not None:
            opener.count(last, start)
            if quote:
                value, frame.at = _value(last, match.start(2))
            elif "  " in value or "\t" in value or "\r" in value:
                value = " ".join(re.findall(r"[^\t\r ]+", value))
            else:
                value = value.rstrip(" ")
            # nothing at all differs from `""`
            setting = Setting(value if value or quote else None, last, start)
            open_sections[-1].settings[name] = setting
        elif brace or colon:
            opener.count(last, start)
            if len(open_sections) > MAX_NESTING:
                last.refuse(start, f"sections stand more than {MAX_NESTING} deep in one another")
            above = open_sections[-1].sections
            section = above.get(name) or above.setdefault(name, Section(name, last, start))
            if colon:
                frame.at = _references(last, frame.at, section)
            open_sections.append(section)
        elif end:
            if len(open_sections) == 1:
                last.fail(frame.at - 1, "`}` closes nothing")
            open_sections.pop()
        elif name is not None or frame.at < len(last.text):
            _fail(last, frame.at, name)
        else:
            opener.stack.pop()
    if len(open_sections) > 1:
        section = open_sections[-1]
        section.text.fail(section.at, "this section is never closed with `}`")
    return Settings(root, opener.problems, budget)


def _fail(text: Text, at: int, name: str | None) -> None:
    if name is not None:
        text.fail(at, "`=` or `{` is expected after a name")
    if text.text[at : at + 1] == '"':
        text.fail(at, "a name must not stand in quotes")
    text.fail(at, "a name is expected here")


def _references(text: Text, at: int, section: Section) -> int:
    match = _REFERENCES.match(text.text, at)
    if not match:
        text.fail(at, "after `:` names and then `{` are expected")
    names = _COMMENT.sub("", match[1])
    section.references |= dict.fromkeys(re.split(r"[\t\r\n ,]++", names))
    return match.end()


def _value(text: Text, at: int) -> tuple[str, int]:
    """A value of which at least a part stands in quotes: parts are joined with a space."""
    found, at = parts(_PART, text.text, at, ESCAPE_OR_RETURN)
    return " ".join(found), _at_end(text, at)


def _at_end(text: Text, at: int) -> int:
    at = _SPACE.match(text.text, at).end()  # type: ignore[union-attr]  # matches nothing, too
    if text.text.startswith('"', at):
        text.fail(at, "this quote is never closed")
    return at


def _pattern(text: Text, at: int) -> tuple[str, int]:
    """The file name after `include`; a quoted part ends it."""
    name, end, quoted = file_name(_PATTERN, text.text, at, ESCAPE_OR_RETURN)
    if not quoted and text.text.startswith('"', end):
        text.fail(end, "this quote is never closed")
    return name, end
