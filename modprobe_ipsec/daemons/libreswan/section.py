# SPDX-License-Identifier: GPL-3.0-or-later
"""One section of ipsec.conf as its lines come, and what is wrong in them.

source: lib/libipsecconf/{parser.y,keywords.c} of libreswan 4.10 and 5.2,
lib/libswan/ipsecconf/parser.y of 5.3 and 5.4
"""

from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.daemons.libreswan.lines import Assignment, BadLine, CarriageReturn
from modprobe_ipsec.daemons.libreswan.options import Release
from modprobe_ipsec.daemons.libreswan.setting import (
    Setting,
    WrongValue,
    conflicting,
    duplicate,
    meaning,
    wrong_value,
)
from modprobe_ipsec.needs.reading import Place, Problem

MAX_ALSO = 1000
# Lines without a meaning. Who has more has no ipsec.conf.
MAX_UNREADABLE = 1000
# Lines that are remembered with what they mean: connections repeat most of theirs.
MAX_REMEMBERED = 10_000

DEFAULT = "%default"


class RejectedConnection(Value):
    """Why libreswan does not load a connection, and where that stands."""

    place: Place
    why: str
    # It did not load, which the start of some releases overlooks.
    overlooked: bool = False
    # Its lines cannot be read, so that nobody knows whether it was to be loaded at all.
    garbled: bool = False


class Also(Value):
    """Another section that a line of this one names."""

    name: str
    place: Place
    # How many options stand before it.
    after: int


class Section:
    """A section while its lines are read."""

    __slots__ = ("also", "is_setup", "lost", "name", "place", "settings")

    def __init__(self, name: str, place: Place, *, is_setup: bool = False) -> None:
        self.name, self.place, self.is_setup = name, place, is_setup
        self.settings: dict[str, Setting] = {}
        self.also: list[Also] = []
        self.lost: RejectedConnection | None = None


class Notes:
    """What is wrong in the files, and that it does not become too much."""

    def __init__(self, release: str, budget: Budget) -> None:
        # As messages name it: `libreswan 4.10`.
        self._release, self._budget = release, budget
        self.problems: list[Problem] = []
        self.first_unreadable: Problem | None = None
        self._unreadable = 0

    def unreadable(self, place: Place, text: str) -> None:
        """A line that cannot be read: the daemon refuses the file that it stands in."""
        self.count(place, text)
        self.first_unreadable = self.first_unreadable or Problem(place, "", text)
        self.refuse(place, text)

    def refuse(self, place: Place, text: str) -> None:
        """Something that makes the daemon refuse the whole configuration."""
        why = f"{text}; {self._release} refuses the whole file for it, and pluto does not start"
        self._add(Problem(place, "", why, refuses=True))

    def note(self, place: Place, text: str) -> None:
        """Something that costs no connection."""
        self._add(Problem(place, "", text))

    def unread(self, place: Place, text: str) -> None:
        """A file that cannot be read: nobody knows what is in it."""
        self._add(Problem(place, "", text, unread=True))

    def _add(self, problem: Problem) -> None:
        self._budget.spend("problems", 1, problem.place)
        self.problems.append(problem)

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

    def __init__(self, release: Release, notes: Notes) -> None:
        self._release, self._version, self._notes = release, release.version, notes
        # Lines of connections that set something, and as what it counts.
        self._taken: dict[str, tuple[str, Setting]] = {}
        # Unknown keys, each of which is said once.
        self._refused: set[str] = set()

    def again(self, section: Section, line: str, path: str, number: int) -> bool:
        """A line that stood in another connection already; False if it did not."""
        taken = self._taken.get(line)
        if taken is None or not section.name:
            return False
        name, (value, key, text, _, _, option, wrong) = taken
        self._put(section, name, Setting(value, key, text, path, number, option, wrong))
        return True

    def set(self, section: Section, said: Assignment, line: str, place: Place) -> None:
        """One option of one line. Raises BadLine, and CarriageReturn."""
        key, text, quoted = said
        if not section.name and not section.is_setup:
            # what it belongs to has been complained of
            return
        option = self._release.section(section.is_setup).get(key)
        if text.endswith("\r"):
            if option and meaning(option, text, self._version, quoted=quoted) is WrongValue.REFUSES:
                raise BadLine(str(CarriageReturn("value")))
            raise CarriageReturn("value")
        if key == "also" and not section.is_setup:
            self._also(section, text, place)
            return
        if option is None:
            self._unknown_key(section, key, text, place, quoted=quoted)
            return
        if option.kind == "obsolete":
            return
        value = meaning(option, text, self._version, quoted=quoted)
        wrong = value is WrongValue.LOSES and option.by_pluto
        if wrong:
            value = text
        if isinstance(value, WrongValue):
            self._wrong(value, section, Setting(text, key, text, *place, option))
        else:
            name = option.name
            if name in ("ah", "phase2alg") and self._version < (5, 3):
                name = "esp"
            setting = Setting(value, key, text, *place, option, wrong)
            if not section.is_setup and len(self._taken) < MAX_REMEMBERED:
                self._taken[line] = name, setting
            self._put(section, name, setting)

    def _also(self, section: Section, text: str, place: Place) -> None:
        if section.name == DEFAULT and self._version >= (5, 3):
            self._notes.refuse(place, "also= is no option of conn %default")
            return
        if section.name == DEFAULT and self._version >= (5, 0):
            self._notes.note(place, "also= has no effect in conn %default")
            return
        # 4.x puts all into one text, with blanks between
        names = text.split() if self._version < (5, 0) else [text]
        section.also += [Also(name, place, len(section.settings)) for name in names[:MAX_ALSO]]
        if len(section.also) > MAX_ALSO:
            raise BadLine(f"more than {MAX_ALSO} also= are not followed")

    def _put(self, section: Section, name: str, setting: Setting) -> None:
        before = section.settings.get(name)
        if not before or section.is_setup:
            section.settings[name] = setting
        elif self._version >= (5, 3) or (self._version >= (5, 0) and before.key == setting.key):
            if before.value != setting.value:
                why = f"{setting.written} is ignored: {before.place} has {before.written}"
                self._notes.note(setting.place, why)
        elif section.name == DEFAULT:
            section.settings[name] = setting
        elif not section.lost and conflicting(before, setting, self._version):
            why = duplicate(setting, before)
            section.lost = RejectedConnection(setting.place, why, self._version >= (5, 0))

    def _wrong(self, wrong: WrongValue, section: Section, setting: Setting) -> None:
        """A value that the option cannot have, and that the parser itself finds."""
        place, why = setting.place, wrong_value(setting.option, setting.key)
        if wrong is WrongValue.REFUSES or (section.is_setup and self._version >= (5, 3)):
            # source: parser_enum_list(); parse_ipsec_conf_config_setup()
            self._notes.refuse(place, why)
        elif wrong is WrongValue.IGNORED or section.is_setup:
            if setting.text:
                self._notes.note(place, f"{why}; the line is ignored")
        else:
            why = f"{setting.key}=: libreswan before 5.0 takes it for a number; quote it"
            if section.name == DEFAULT:
                self._notes.note(place, why)
            section.lost = section.lost or RejectedConnection(place, why)

    def _unknown_key(
        self, section: Section, key: str, text: str, place: Place, *, quoted: bool
    ) -> None:
        where = "config setup" if section.is_setup else "a conn"
        elsewhere = self._release.section(not section.is_setup).get(key)
        known = elsewhere is not None or (key == "also" and section.is_setup)
        # source: 4.x parser_load_conf(), translate_conn(); 5.0 new_parser_kw(); 5.3: two tables
        if self._version >= (5, 3) or not known or (section.is_setup and self._version < (5, 0)):
            self._notes.count(place, key)
            if key not in self._refused:
                self._refused.add(key)
                known = known or self._release.ever(key)
                shown = f"`{key}`" if known else "what stands before the `=`"
                self._notes.refuse(place, f"{shown} is no option of {where}")
        elif (
            elsewhere
            and meaning(elsewhere, text, self._version, quoted=quoted) is WrongValue.REFUSES
        ):
            self._notes.refuse(place, wrong_value(elsewhere, key))
        else:
            self._notes.note(place, f"{key}= has no meaning in {where}; the line is ignored")
