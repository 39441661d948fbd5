# SPDX-License-Identifier: GPL-3.0-or-later
"""ipsec.conf with its includes -> the sections in it, as libreswan reads them.

Where the daemon refuses the whole file for one line, that is said, and the other lines are read as
well as can be.
source: lib/libipsecconf/{parser.lex,parser.y} of 5.2; 4.10 differs where it is said
"""

from modprobe_ipsec.base.annotations import NoReturn
from modprobe_ipsec.base.budget import Budget, TooMuch
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.text import name as show_name
from modprobe_ipsec.daemons.libreswan.lines import (
    Assignment,
    BadLine,
    CarriageReturn,
    assignment,
    end,
    halves,
    is_blank,
    is_private,
    is_word_comment,
    value,
    word,
)
from modprobe_ipsec.daemons.libreswan.options import Release
from modprobe_ipsec.daemons.libreswan.section import (
    DEFAULT,
    MAX_REMEMBERED,
    Notes,
    RejectedConnection,
    Section,
    Setter,
)
from modprobe_ipsec.needs.reading import Files, Place

# The daemon has the first one only.
MAX_DEPTH = 10
# What must not stand behind a blank.
_OUTSIDE = frozenset({"conn", "config", "include", "setup", "version"})
_BEFORE = ' \t"'


class SectionReader:
    """Takes files apart into sections.

    `known` remembers lines; readers of the same files for several releases share it.
    """

    def __init__(
        self, files: Files, release: Release, known: dict[str, Assignment], budget: Budget
    ) -> None:
        self._files, self._version, self._known = files, release.version, known
        self._budget = budget
        self.notes = Notes(release.name, budget)
        self._setter = Setter(release, self.notes)
        self.setup = Section("", Place("", 0), is_setup=True)
        self.sections: list[Section] = []
        # Whether any line starts as one of an ipsec.conf does.
        self.known = False
        # None: lines with an option have nowhere to go.
        self._section: Section | None = None

    def file(self, path: str, text: str, above: tuple[str, ...]) -> None:
        """Read one file, below those that include it."""
        self._budget.spend("files", 1, path)
        self._budget.spend("characters", len(text), path)
        if "\0" in text:
            raise ConfigError(
                f"{path} is no ipsec.conf: it is not a text (it has a NUL character)",
                "see what this file is; restore it, or take it out of the include",
            )
        above = (*above, path)
        for number, line in enumerate(text.split("\n"), 1):
            if not line:
                continue
            try:
                if line[0] == "\t" or line[0] == " ":
                    self._indented(line, path, number)
                elif line[0] != "#":
                    self._header(line, Place(path, number), above)
            except BadLine as error:
                self.notes.unreadable(Place(path, number), str(error))
            except CarriageReturn as error:
                self._lose(Place(path, number), str(error))
        # An end of file ends a section as an end of line would.
        if not text or text.endswith("\n"):
            self._section = None
        elif is_word_comment(line):
            # to flex it is a comment only with its end of line
            self.notes.refuse(Place(path, number), "a comment must end with an end of line")

    def _lose(self, place: Place, why: str) -> None:
        """What the line stands in is lost."""
        self.notes.count(place, why)
        section = self._section
        if section is None or section.name in ("", DEFAULT):
            self.notes.note(place, why)
        elif not section.lost:
            section.lost = RejectedConnection(place, why, garbled=True)

    def _indented(self, line: str, path: str, number: int) -> None:
        section = self._section
        if section and self._setter.again(section, line, path, number):
            return
        said = self._known.get(line)
        parts = None if said else self._halves(line)
        if not said and not parts:
            return
        if section is None:
            self._section = Section("", Place(path, number))
            raise BadLine("a line with a blank at its start is an option, and stands in no section")
        if parts:
            if parts[0] in _OUTSIDE:
                self._no_setting(line)
            said = assignment(*parts)
            if len(self._known) < MAX_REMEMBERED:
                self._known[line] = said
        if said:
            self._setter.set(section, said, line, Place(path, number))

    def _halves(self, line: str) -> tuple[str, str] | None:
        """Key, in lower case, and value; None if the line sets nothing."""
        # flex warns of a quote that it finds here, and goes on
        body = line.lstrip(_BEFORE)
        if not body or body[0] == "#":
            return None
        if not (found := halves(body)):
            # source: parser.y of 4.x, `COMMENT EQUAL STRING`
            if self._version < (5, 0) or not is_private(body):
                self._no_setting(line)
            return None
        key, text = found[0].lower(), found[1]
        if is_private(key):
            if self._version < (5, 0) and not text:
                self._no_setting(line)
            return None
        return key, text

    def _no_setting(self, line: str) -> NoReturn:
        body = line.lstrip(_BEFORE)
        keyword = word(body)
        if keyword in _OUTSIDE:
            self._section = Section("", Place("", 0))
            raise BadLine(f"`{keyword}` must stand at the start of the line, without blanks")
        raise BadLine("this is no option: KEY=VALUE is expected")

    def _header(self, line: str, place: Place, above: tuple[str, ...]) -> None:
        if is_blank(line):
            return
        line = line.lstrip('"')
        keyword = word(line)
        rest = line[len(keyword) :]
        starts = keyword in ("conn", "config", "include", "version")
        if keyword and not starts and rest.lstrip(" \t").startswith("="):
            # the section it is meant for goes on
            raise BadLine("an option must start with a blank")
        # whatever is wrong here, the options that follow belong to it
        self._section = Section("", place)
        self.known = self.known or starts
        if keyword == "conn":
            self._open(self._section, rest, place)
        elif keyword == "config":
            kind = rest.lstrip(" \t")
            if kind == rest or not kind.startswith("setup"):
                raise BadLine("this is no section; did you mean `config setup`?")
            end(kind.removeprefix("setup"))
            self._section = self.setup
        elif keyword == "include":
            pattern = value(rest)
            self._section = None
            self._include(pattern, place, above)
        elif keyword == "version":
            self._section = None
            value(rest)
            if self.sections or self.setup.settings:
                raise BadLine("`version` may only come first")
        elif keyword == "ca":
            raise BadLine("`ca` is a section of strongSwan's")
        elif line.strip("\r"):
            raise BadLine("this is neither `conn`, `config setup` nor `include`")
        else:
            raise BadLine("a carriage return stands here; write the file with Unix line ends")

    def _open(self, section: Section, rest: str, place: Place) -> None:
        section.name = value(rest)
        if not section.name:
            raise BadLine("`conn` needs a name")
        self._budget.spend("connections", 1, place)
        self.sections.append(section)
        if section.name.endswith("\r"):
            section.name = section.name.rstrip("\r")
            raise CarriageReturn("name")

    def _include(self, pattern: str, place: Place, above: tuple[str, ...]) -> None:
        if not pattern:
            raise BadLine("`include` needs a file")
        if len(above) >= MAX_DEPTH:
            self.notes.note(place, f"is not read: includes are nested at most {MAX_DEPTH} deep")
            return
        self._budget.spend("includes", 1, place)
        # relative to the working directory, which is / for a daemon
        absolute = pattern if pattern.startswith("/") else f"/{pattern}"
        directory = absolute.rpartition("/")[0] or "/"
        magic = any(char in absolute for char in "*?[")
        try:
            found = (
                self._files.glob(absolute, self._budget)
                if magic or self._files.exists(absolute)
                else ()
            )
        except TooMuch:
            raise
        except ConfigError as error:
            self.notes.unread(place, f"include: {error.message}")
            return
        if not found and not ("*" in absolute and self._files.exists(directory)):
            self.notes.note(place, "include: there is no such file; it is ignored")
        for path in found:
            if path in above:
                self.notes.note(place, f"{show_name(path)} includes itself; it is read once")
                continue
            try:
                text = self._files.text(path)
            except ConfigError as error:
                self.notes.unread(place, f"include: {error.message}")
            else:
                self.file(path, text, above)
