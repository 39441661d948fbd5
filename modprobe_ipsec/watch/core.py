# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs -> events: what is told, when, and when it is over. Pure.

Times are seconds of a clock that never goes back; whoever drives this calls `tick` a few times a
second.
"""

from collections import deque

from modprobe_ipsec.base.annotations import Iterator, assert_never
from modprobe_ipsec.watch import say
from modprobe_ipsec.watch.connections import PeerIndex
from modprobe_ipsec.watch.episodes import Episodes
from modprobe_ipsec.watch.event import Kind, Level, State, Told
from modprobe_ipsec.watch.readiness import Look, Readiness
from modprobe_ipsec.watch.sas import Acquires, KnownSas
from modprobe_ipsec.watch.signs import (
    Acquired,
    CardsChanged,
    Counted,
    FilesChanged,
    Flushed,
    MappingChanged,
    Missed,
    ModuleCame,
    ModuleGone,
    OfSas,
    Remark,
    SaExpired,
    SaFailures,
    SaGone,
    SaMade,
    Sign,
    Stray,
    StrayCount,
)
from modprobe_ipsec.watch.strays import Strays

# Strays wait until messages about SAs have come that were on their way (seconds).
SETTLE = 0.2
# Rises with unknown SPIs, which are told with their senders.
_NO_STATES = "XfrmInNoStates"
# Rise when an SA refuses a packet, and only the SA says whose.
_REFUSED = ("XfrmInStateProtoError", "XfrmInStateSeqError")
# Of these at a time.
_WAITING = 4096
# Different things of one kind that are told at a time.
_MOST = 256
# Lines about expired SAs and new mappings a minute; the rest is counted.
_MOMENTS = 60


class Core:
    """All that is remembered between two signs; its size has bounds."""

    __slots__ = (
        "_acquires",
        "_connections",
        "_counters",
        "_failures",
        "_mapped",
        "_readiness",
        "_strays",
        "_uncounted",
        "_waiting",
        "by_counter",
        "look",
        "look_wanted",
        "no_states_rose",
        "sas",
        "sas_fail",
    )

    def __init__(self) -> None:
        self.sas = KnownSas()
        # Whether nothing tells of unknown SPIs but the counter.
        self.by_counter = False
        # When the counter of unknown SPIs last rose.
        self.no_states_rose = float("-inf")
        # Whether something changed that the last look at the readiness did not see.
        self.look_wanted = True
        # Whether SAs have refused packets, and nobody knows yet which.
        self.sas_fail = False
        # What was found when the readiness was last looked at.
        self.look = Look(0)
        self._connections = PeerIndex()
        self._readiness = Readiness()
        self._acquires = Acquires()
        self._strays = Strays(self._is_peer)
        # Strays and since when they wait.
        self._waiting: deque[tuple[float, Stray]] = deque()
        self._uncounted = Episodes(1)
        self._counters = Episodes(_MOST)
        self._failures = Episodes(_MOST)
        self._mapped = Episodes(_MOMENTS)

    def _is_peer(self, address: bytes) -> bool:
        return self._connections.is_peer(address) or self.sas.is_peer(address)

    @property
    def busy(self) -> bool:
        """Whether something waits for its time."""
        return bool(self._waiting)

    def looked(self, look: Look) -> Iterator[Told]:
        """Somebody looked at the readiness."""
        if not look.error:
            counters = look.counters or self.look.counters
            self.look = look._replace(counters=counters)
            self._connections = PeerIndex(look.connections)
        yield from self._readiness.see(look)

    def see(self, sign: Sign, now: float) -> Iterator[Told]:
        """One sign."""
        match sign:
            case Stray() | StrayCount():
                self._stray(sign, now)
            case Counted():
                self._counted(sign, now)
            case ModuleCame() | ModuleGone():
                self.look_wanted = True
                yield say.module(sign, self.look.modules.get(sign.name, ()))
            case FilesChanged() | CardsChanged():
                self.look_wanted = True
            case Missed():
                yield _watch(f"{sign.what} were lost, for want of room; they are read again")
            case Remark():
                yield _watch(sign.text, Level.WARNING if sign.trouble else Level.INFO)
            case _:
                yield from self._of_sas(sign, now)

    def _of_sas(self, sign: OfSas, now: float) -> Iterator[Told]:
        match sign:
            case SaMade():
                yield from self._made(sign, now)
            case SaGone():
                self.sas.remove(sign.sa, now)
            case SaExpired():
                yield from self._expired(sign, now)
            case SaFailures():
                self._failures.see((sign.sa, "integrity"), now, sign.wrong_icv)
                self._failures.see((sign.sa, "replay"), now, sign.late + sign.replayed)
            case Acquired():
                self._acquires.asked(sign, now)
            case Flushed():
                if sign.what == "SAs":
                    self.sas.flush(sign.protocol)
                yield say.flushed(sign)
            case MappingChanged():
                if episode := self._mapped.see((sign.sa.protocol, sign.new), now):
                    episode.tell(now)
                    yield say.mapped(sign, self._connections)
            case _:
                assert_never(sign)

    def _stray(self, sign: Stray | StrayCount, now: float) -> None:
        if isinstance(sign, StrayCount):
            self._strays.add(sign.number)
        elif len(self._waiting) < _WAITING:
            self._waiting.append((now, sign))
        else:
            self._strays.add(1)

    def _counted(self, sign: Counted, now: float) -> None:
        for counter, rise in sign.rises.items():
            self.sas_fail |= counter in _REFUSED
            if counter != _NO_STATES:
                self._counters.see(counter, now, rise)
                continue
            self.no_states_rose = now
            if self.by_counter:
                self._uncounted.see("", now, rise)

    def _made(self, sign: SaMade, now: float) -> Iterator[Told]:
        self.sas.add(sign.sa)
        if not sign.sa.spi:
            if sign.listed:
                self._acquires.listed(sign.sa, sign.age, now)
            return
        for asked, episode in self._acquires.answered(sign.sa):
            if episode.told is not None:
                yield say.acquire(asked, episode, State.OVER, self._connections)
        for report in self._strays.answered(sign.sa.source, sign.sa.destination):
            yield say.stray(report, self._connections)

    def _expired(self, sign: SaExpired, now: float) -> Iterator[Told]:
        self.sas.remove(sign.sa, now)
        if sign.sa.spi:
            yield say.expired(sign.sa, self.sas.has_pair(sign.sa), self._connections)
            return
        for asked, episode in self._acquires.expired(sign.sa):
            if episode.told is None:
                yield say.acquire(asked, episode, episode.tell(now), self._connections)

    def tick(self, now: float) -> Iterator[Told]:
        """What time alone brings."""
        while self._waiting and now - self._waiting[0][0] >= SETTLE:
            since, stray = self._waiting.popleft()
            if not self.sas.has(stray, now):
                self._strays.see(stray, since)
        for report in self._strays.tell(now):
            yield say.stray(report, self._connections)
        if others := self._strays.others(now):
            yield say.others(others)
        yield from self._by_counter(now)
        for counter, episode in self._counters.due(now):
            number = episode.new
            yield say.counter(counter, number, episode.tell(now), self.look.counters)
        for counter, episode in self._counters.ended(now):
            yield say.counter(counter, episode.count, State.OVER, self.look.counters)
        for (sa, what), episode in self._failures.due(now):
            number = episode.new
            yield say.failures(sa, what, number, episode.tell(now), self._connections)
        for (sa, what), episode in self._failures.ended(now):
            if episode.told is not None:
                yield say.failures(sa, what, episode.count, State.OVER, self._connections)
        for _ in self._mapped.ended(now):
            pass
        for asked, episode in self._acquires.late(now):
            yield say.acquire(asked, episode, episode.tell(now), self._connections)
        for asked, episode in self._acquires.ended(now):
            yield say.acquire(asked, episode, State.OVER, self._connections)
        for asked, seconds in self._acquires.stuck(now):
            yield say.larval(asked, seconds, self._connections)

    def _by_counter(self, now: float) -> Iterator[Told]:
        for _, episode in self._uncounted.due(now):
            number = episode.new
            without = [
                each
                for each in self.look.connections
                if each.ends and not any(map(self.sas.is_peer_text, each.ends))
            ]
            yield say.uncounted(number, episode.tell(now), without)
        for _, episode in self._uncounted.ended(now):
            yield say.uncounted(episode.count, State.OVER, ())


def _watch(text: str, level: Level = Level.WARNING) -> Told:
    return Told(Kind.WATCH, level, State.ONCE, text)
