# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connection of ipsec.conf says, with the sections that its also= names and %default.

What counts is what pluto's start adds, `addconn --autoall`. 4.x and 5.3 add connections that
`addconn NAME` refuses: one whose also= names nothing, or where two sections differ; of two values
the first one read counts. 5.0 to 5.2 lose most of them.
source: programs/addconn/addconn.c, lib/libipsecconf/{confread,starterwhack}.c of libreswan 4.10 to
5.2, lib/libswan/ipsecconf/confread.c of 5.3 and 5.4
"""

from modprobe_ipsec.base.annotations import Iterable, Iterator, Mapping, Sequence
from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.daemons.libreswan.options import Release
from modprobe_ipsec.daemons.libreswan.section import DEFAULT, Also, RejectedConnection, Section
from modprobe_ipsec.daemons.libreswan.setting import Setting, conflicting, duplicate
from modprobe_ipsec.needs.reading import Place

# 4.x follows no more than this many for one connection. source: confread.h, ALSO_LIMIT
_LIMIT_4 = 32
# Steps that a setting costs which a connection gets from another section.
_COPIED = 5

Settings = Mapping[str, Setting]


class Conn(Value):
    """A connection with all that also= and %default add to it."""

    name: str
    place: Place
    # All that count: those of %default come last, and only where no other overrules them.
    settings: Settings
    lost: RejectedConnection | None = None

    def get(self, option: str) -> Setting | None:
        """What an option is set to, here or in %default."""
        return self.settings.get(option)

    def value(self, option: str, default: str = "") -> str:
        """The same without its place."""
        setting = self.settings.get(option)
        return setting.value if setting else default


class AlsoResolver:
    """Adds up what a connection, the sections it names and %default say."""

    def __init__(self, sections: Sequence[Section], release: Release, budget: Budget) -> None:
        self._budget = budget
        self._version = release.version
        self._sections = sections
        self._by_name: dict[str, Section] = {}
        self._default: dict[str, Setting] = {}
        # 4.x says that it is not valid there and follows it for each connection. It reads no
        # further %default than the first one with an error.
        self._also: list[Also] = []
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
            if lost and lost.overlooked and self._adds_failed:
                lost = None
            self._budget.spend("steps", len(self._default), section.place)
            settings = dict(own)
            for name, setting in self._default.items():
                settings.setdefault(name, setting)
            yield Conn(section.name, section.place, settings, lost)

    def _merge(self, conn: Section) -> tuple[Settings, RejectedConnection | None]:
        """The settings of a connection and of all that it names, directly or not.

        The first value of an option counts; %default takes no part in that.
        """
        merged: dict[str, Setting] = {}
        lost: RejectedConnection | None = None
        in_order = self._in_order_4(conn) if self._version < (5, 0) else self._in_order(conn)
        for found in in_order:
            if isinstance(found, RejectedConnection):
                lost = lost or found
                continue
            for name, setting in found:
                before = merged.setdefault(name, setting)
                if lost or before is setting:
                    continue
                if conflicting(before, setting, self._version):
                    why = duplicate(before, setting)
                    lost = RejectedConnection(before.place, why, overlooked=True)
        if self._version < (5, 0):
            # source: confread.c, load_conn(): what follows also= is done all the same
            lost = self._too_many(conn)
        return merged, lost

    @property
    def _adds_failed(self) -> bool:
        """Whether the start adds a connection that did not load: it looks at auto= alone.

        5.1 and 5.2 then know no other addresses than those of %default.
        source: addconn.c; starterwhack.c, set_whack_end()
        """
        ends = self._version >= (5, 1) and {"left", "right"} <= self._default.keys()
        return ends or self._version >= (5, 3)

    def _in_order_4(self, conn: Section) -> Iterator[Iterable[tuple[str, Setting]]]:
        """4.x: a section as a whole, then those that it names, then those that these name."""
        been = {id(conn)}
        yield conn.settings.items()
        waiting = [*self._also, *conn.also]
        # grows while it is gone through
        for also in waiting:
            section = self._by_name.get(also.name)
            if section and id(section) not in been:
                been.add(id(section))
                self._spend(section)
                yield section.settings.items()
                waiting.extend(section.also)

    def _in_order(
        self, conn: Section
    ) -> Iterator[Iterable[tuple[str, Setting]] | RejectedConnection]:
        """Since 5.0: line by line, a section that is named in the place of its also=."""
        been = {id(conn)}
        stack = [self._parts(conn)]
        while stack:
            part = next(stack[-1], None)
            if part is None:
                stack.pop()
            elif not isinstance(part, Also):
                yield part
            elif (section := self._by_name.get(part.name)) is None:
                why = "also= names a conn that is not there"
                yield RejectedConnection(part.place, why, overlooked=True)
            elif id(section) not in been:
                been.add(id(section))
                self._spend(section)
                if section.lost:
                    why = f"{section.lost.place}: {section.lost.why}"
                    text = f"also= cannot be followed: {why}"
                    yield RejectedConnection(part.place, text, section.lost.overlooked)
                stack.append(self._parts(section))

    @staticmethod
    def _parts(section: Section) -> Iterator[Also | Iterable[tuple[str, Setting]]]:
        settings = list(section.settings.items())
        start = 0
        for also in section.also:
            yield settings[start : also.after]
            yield also
            start = also.after
        yield settings[start:]

    def _too_many(self, conn: Section) -> RejectedConnection | None:
        been = {id(conn)}
        names = [*self._also, *conn.also]
        for also in names:
            if len(names) >= _LIMIT_4:
                why = f"more than {_LIMIT_4} also= add up here, which libreswan 4 does not follow"
                return RejectedConnection(also.place, why)
            section = self._by_name.get(also.name)
            if section and id(section) not in been:
                been.add(id(section))
                names.extend(section.also)
        return None

    def _spend(self, section: Section) -> None:
        number = len(section.settings) + len(section.also) + 1
        self._budget.spend("steps", _COPIED * number, section.place)
