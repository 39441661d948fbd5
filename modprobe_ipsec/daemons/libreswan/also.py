# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connection of ipsec.conf says, with the sections that its also= names and %default.

source: lib/libipsecconf/confread.c of libreswan 5.2; 4.10 differs where it is said
"""

from modprobe_ipsec.base.annotations import Iterator, Mapping, Sequence
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.daemons.common.errors import show
from modprobe_ipsec.daemons.libreswan.options import LibreswanOptions, Version
from modprobe_ipsec.daemons.libreswan.section import DEFAULT, RejectedConnection, Section
from modprobe_ipsec.daemons.libreswan.setting import Setting, conflicting, duplicate
from modprobe_ipsec.needs.reading import Place

# Settings that also= copies, all in all: a chain for each of many connections would take for ever.
MAX_COPIED = 2_000_000

Settings = Mapping[str, Setting]


class Conn(Value):
    """A connection with all that also= and %default add to it."""

    name: str
    place: Place
    own: Settings
    default: Settings
    lost: RejectedConnection | None = None

    def get(self, option: str) -> Setting | None:
        """What an option is set to, here or in %default."""
        return self.own.get(option) or self.default.get(option)

    def value(self, option: str, default: str = "") -> str:
        """The same without its place."""
        setting = self.own.get(option) or self.default.get(option)
        return setting.value if setting else default


class AlsoResolver:
    """Adds up what a connection, the sections it names and %default say."""

    def __init__(
        self, sections: Sequence[Section], options: LibreswanOptions, version: Version
    ) -> None:
        self._version = version
        self._options = options.conn
        self._sections = sections
        self._by_name: dict[str, Section] = {}
        self._default: dict[str, Setting] = {}
        self._copied = 0
        # 4.x says that it is not valid there and follows it for each connection. It reads no
        # further %default than the first one with an error.
        self._also: list[tuple[str, Place]] = []
        failed = False
        for section in sections:
            self._by_name.setdefault(section.name, section)
            # all are read before any connection; of two, the later one counts
            if section.name == DEFAULT and not failed:
                self._default.update(section.settings)
                self._also += section.also
                failed = bool(section.also or section.lost)

    def conns(self) -> Iterator[Conn]:
        """All connections, in their order."""
        for section in self._sections:
            if section.name == DEFAULT:
                continue
            own: Settings = section.settings
            lost = section.lost
            if section.also or self._also:
                own, problem = self._merge(section)
                lost = lost or problem
            yield Conn(section.name, section.place, own, self._default, lost)

    def _merge(self, conn: Section) -> tuple[Settings, RejectedConnection | None]:
        """The settings of a connection and of all that it names, directly or not.

        Where two differ the connection is not loaded; %default takes no part in that.
        """
        merged = dict(conn.settings)
        lost: RejectedConnection | None = None
        been = {id(conn)}
        # reversed, so that the first one is taken next, with all that it names itself
        waiting = list(reversed([*self._also, *conn.also]))
        while waiting:
            name, place = waiting.pop()
            section = self._by_name.get(name)
            if section is None:
                lost = lost or RejectedConnection(
                    place, f"also={show(name)}: there is no such conn"
                )
                continue
            if id(section) in been:
                continue
            been.add(id(section))
            self._spend(len(section.settings) + len(section.also) + 1, place)
            if section.lost:
                why = f"{section.lost.place}: {section.lost.why}"
                lost = lost or RejectedConnection(
                    place, f"also={show(name)} cannot be followed: {why}"
                )
            for key, setting in section.settings.items():
                before = merged.setdefault(key, setting)
                if before is not setting and not lost:
                    option = self._options[setting.key]
                    if conflicting(option, before, setting, self._version):
                        lost = RejectedConnection(before.place, duplicate(before, setting))
            waiting.extend(reversed(section.also))
        return merged, lost

    def _spend(self, settings: int, place: Place) -> None:
        self._copied += settings
        if self._copied > MAX_COPIED:
            raise ConfigError(
                f"{place}: also= adds up to more than {MAX_COPIED} options; that is not read"
            )
