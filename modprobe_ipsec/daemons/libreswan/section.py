# SPDX-License-Identifier: GPL-3.0-or-later
"""One section of ipsec.conf as its lines come, and what is wrong in them.

source: lib/libipsecconf/parser.y of libreswan 5.2; 4.10 differs where it is said
"""

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.daemons.common.errors import show
from modprobe_ipsec.daemons.libreswan.lines import Unreadable
from modprobe_ipsec.daemons.libreswan.options import NEVER, LibreswanOptions, Version
from modprobe_ipsec.daemons.libreswan.setting import Setting, conflicting, duplicate, meaning
from modprobe_ipsec.needs.reading import Place, Problem

MAX_CONNS = 100_000
MAX_ALSO = 1000
# Lines without a meaning. Who has more has no ipsec.conf.
MAX_UNREADABLE = 1000

DEFAULT = "%default"

# Options that are a text to us, and to 4.x one or the other.
_NUMBER_OR_TEXT = frozenset({"ipsec-interface", "left", "right"})


class RejectedConnection(Value):
    """Why libreswan does not load a connection, and where that stands."""

    place: Place
    why: str
    # Whether its lines could be read, so that only their sum is wrong.
    readable: bool = True


class Section:
    """A section while its lines are read."""

    __slots__ = ("also", "is_setup", "lost", "name", "place", "settings")

    def __init__(self, name: str, place: Place, *, is_setup: bool = False) -> None:
        self.name, self.place, self.is_setup = name, place, is_setup
        self.settings: dict[str, Setting] = {}
        self.also: list[tuple[str, Place]] = []
        self.lost: RejectedConnection | None = None


class Notes:
    """What is wrong in the files, and that it does not become too much."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.first_unreadable: Problem | None = None
        self._unreadable = 0

    def unreadable(self, section: Section | None, place: Place, text: str) -> None:
        """A line that cannot be read: what it stands in is lost."""
        self.count(place, text)
        self.first_unreadable = self.first_unreadable or Problem(place, "", text)
        if section is None or section.name in ("", DEFAULT):
            self.note(place, text)
        elif not section.lost:
            section.lost = RejectedConnection(place, text, readable=False)

    def note(self, place: Place, text: str) -> None:
        """Something that costs no connection."""
        self._add(Problem(place, "", text))

    def unread(self, place: Place, text: str) -> None:
        """A file that cannot be read: nobody knows what is in it."""
        self._add(Problem(place, "", text, unread=True))

    def _add(self, problem: Problem) -> None:
        self.problems.append(problem)
        if len(self.problems) > MAX_CONNS:
            raise ConfigError(f"{problem.place}: more than {MAX_CONNS} lines have no meaning")

    def count(self, place: Place, text: str) -> None:
        """One more line without a meaning."""
        self._unreadable += 1
        if self._unreadable > MAX_UNREADABLE:
            raise ConfigError(
                f"{place.file} is no ipsec.conf: more than {MAX_UNREADABLE} lines cannot be read; "
                f"{place}: {text}",
                "name the daemon's configuration file: --config FILE",
            )


class Setter:
    """Puts options into sections, as far as libreswan would take them."""

    def __init__(self, options: LibreswanOptions, version: Version, notes: Notes) -> None:
        self._options, self._version, self._notes = options, version, notes
        self._unknown: set[str] = set()

    def no_text(self, section: Section, key: str, text: str, place: Place) -> bool:
        """4.x takes digits without quotes for a number, and a number for no text."""
        option = self._options.conn.get(key)
        if section.is_setup or not option or option.name in _NUMBER_OR_TEXT:
            return False
        if option.kind != "text":
            return False
        why = f"{key}={show(text)}: libreswan before 5.0 takes it for a number; quote it"
        if section.name == DEFAULT:
            self._notes.note(place, why)
        section.lost = section.lost or RejectedConnection(place, why)
        return True

    def set(self, section: Section, key: str, text: str, place: Place) -> None:
        """One option of one line. Raises Unreadable."""
        if text.endswith("\r"):
            raise Unreadable(
                "the line ends with a carriage return, which libreswan takes for part of the "
                "value; write the file with Unix line ends"
            )
        if not section.name and not section.is_setup:
            # what it belongs to has been complained of
            return
        if key == "also" and not section.is_setup:
            if section.name == DEFAULT and self._version >= (5, 0):
                self._notes.note(place, "also= has no effect in conn %default")
                return
            # 4.x puts all into one text, with blanks between
            names = text.split() if self._version < (5, 0) else [text]
            section.also += [(name, place) for name in names[:MAX_ALSO]]
            if len(section.also) > MAX_ALSO:
                raise Unreadable(f"more than {MAX_ALSO} also= are not followed")
            return
        known = self._options.setup if section.is_setup else self._options.conn
        option = known.get(key)
        if option is None:
            self._unknown_key(section, key, place)
            return
        value = meaning(option, text)
        if value is None or self._version >= option.until.get(value, NEVER):
            # source: parser.y, parser_kw(): 5.x warns and goes on, 4.x refuses the file
            self._notes.note(place, f"`{show(text)}` is no value for {key}=; the line is ignored")
            return
        name = option.name
        if name in ("ah", "phase2alg") and self._version < (5, 3):
            name = "esp"
        setting = Setting(value, key, text, place)
        if (before := section.settings.get(name)) and not section.is_setup:
            if self._version >= (5, 3) or (self._version >= (5, 0) and before.key == key):
                if before.value != value:
                    self._notes.note(
                        place, f"{setting.written} is ignored: {before.place} has {before.written}"
                    )
                return
            if section.name != DEFAULT:
                if not section.lost and conflicting(option, before, setting, self._version):
                    section.lost = RejectedConnection(place, duplicate(setting, before))
                return
        section.settings[name] = setting

    def _unknown_key(self, section: Section, key: str, place: Place) -> None:
        options = self._options
        if key in options.obsolete or key in self._unknown:
            return
        self._unknown.add(key)
        if key in options.conn or key in options.setup or key == "also":
            where = "config setup" if section.is_setup else "a conn"
            self._notes.note(place, f"{key}= has no meaning in {where}; the line is ignored")
            return
        text = (
            f"`{show(key)}` is no known option and is ignored; a libreswan that does not know it "
            "either refuses the whole file"
        )
        self._notes.count(place, text)
        self._notes.note(place, text)
