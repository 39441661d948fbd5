# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sends packets with an SPI that no SA has: a table of fixed size, whoever sends how much.

Senders that a connection is made for have places of their own, so that a flood from invented
addresses does not hide them. All others share a few, counted as the space-saving algorithm does
(Metwally, Agrawal, El Abbadi 2005): a newcomer takes the place, and the count, of who has least.
Of them no more than a few are told by address, and the rest in one line. Pure.
"""

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.watch.episodes import AGAIN, Episode
from modprobe_ipsec.watch.event import State
from modprobe_ipsec.watch.signs import Stray

# Places for strangers, and how many of those are told by address at a time.
STRANGERS, NAMED = 64, 3
# Places for senders that connections are made for.
PEERS = 4096
# Lines a minute about those.
PEER_LINES = 60
# SPIs that a line names.
SPIS = 4


class Sender(Value):
    """From whom to whom, by what."""

    source: bytes
    destination: bytes
    protocol: int
    # ESP in UDP.
    in_udp: bool


class Sending:
    """What one sender sends."""

    __slots__ = ("episode", "inherited", "port", "spis")

    def __init__(self, now: float, inherited: int) -> None:
        self.episode = Episode(now)
        # As many of its packets may be somebody else's.
        self.inherited = inherited
        self.port = 0
        # The last few, in their order.
        self.spis: dict[int, None] = {}

    def see(self, stray: Stray, now: float) -> None:
        self.episode.see(now, 1)
        self.port = stray.port
        if stray.spi not in self.spis:
            if len(self.spis) >= SPIS:
                del self.spis[next(iter(self.spis))]
            self.spis[stray.spi] = None


class StrayReport(Value):
    """What is to be told of one sender."""

    sender: Sender
    state: State
    spis: tuple[int, ...]
    port: int
    packets: int
    seconds: float


class Strays:
    """All senders. `is_peer` says of a packed address whether a connection is made for it."""

    __slots__ = ("_is_peer", "_lines", "_others", "_others_told", "_peers", "_strangers")

    def __init__(self, is_peer: Callable[[bytes], bool]) -> None:
        self._is_peer = is_peer
        self._peers: dict[Sender, Sending] = {}
        self._strangers: dict[Sender, Sending] = {}
        # Packets of strangers that were not told by address, since they were last told.
        self._others = 0
        self._others_told: float | None = None
        # When lines about peers were told.
        self._lines: list[float] = []

    def __len__(self) -> int:
        return len(self._peers) + len(self._strangers)

    def see(self, stray: Stray, now: float) -> None:
        """One more packet."""
        sender = Sender(stray.source, stray.destination, stray.protocol, bool(stray.port))
        stream = self._peers.get(sender) or self._strangers.get(sender)
        if stream is None:
            if self._is_peer(stray.source) and len(self._peers) < PEERS:
                stream = self._peers[sender] = Sending(now, 0)
            else:
                stream = self._newcomer(sender, now)
        stream.see(stray, now)

    def add(self, number: int) -> None:
        """Packets of which nothing is known."""
        self._others += number

    def _newcomer(self, sender: Sender, now: float) -> Sending:
        inherited = 0
        if len(self._strangers) >= STRANGERS:
            # who was told by address keeps its place until that is over
            least = min(
                (each for each in self._strangers.items() if each[1].episode.told is None),
                key=lambda each: each[1].episode.count + each[1].inherited,
            )
            del self._strangers[least[0]]
            self._others += least[1].episode.new
            inherited = least[1].episode.count + least[1].inherited
        made = self._strangers[sender] = Sending(now, inherited)
        return made

    def tell(self, now: float) -> list[StrayReport]:
        """What is to be told now: peers first, then strangers with most packets."""
        found = self._over(self._peers, now) + self._over(self._strangers, now)
        self._lines = [at for at in self._lines if now - at < AGAIN]
        for sender, stream in self._peers.items():
            if stream.episode.due(now) and len(self._lines) < PEER_LINES:
                self._lines.append(now)
                found.append(_report(sender, stream, stream.episode.tell(now)))
        named = sum(stream.episode.told is not None for stream in self._strangers.values())
        order = sorted(self._strangers.items(), key=lambda each: -each[1].episode.count)
        for sender, stream in order:
            first = stream.episode.told is None
            if stream.episode.due(now) and not (first and named >= NAMED):
                named += first
                found.append(_report(sender, stream, stream.episode.tell(now)))
        return found

    def others(self, now: float) -> int:
        """Packets of all whom no line names, if they are to be told now; else 0."""
        waiting = sum(s.episode.new for s in self._strangers.values() if s.episode.told is None)
        total = self._others + waiting
        since = AGAIN if self._others_told is None else now - self._others_told
        if not total or since < AGAIN:
            return 0
        self._others_told = now
        self._others = 0
        for stream in self._strangers.values():
            if stream.episode.told is None:
                stream.episode.new = 0
        return total

    def _over(self, streams: dict[Sender, Sending], now: float) -> list[StrayReport]:
        found = []
        for sender, stream in list(streams.items()):
            if now - stream.episode.last < AGAIN:
                continue
            del streams[sender]
            if stream.episode.told is not None:
                found.append(_report(sender, stream, State.OVER))
            else:
                self._others += stream.episode.new
        return found

    def answered(self, source: bytes, destination: bytes) -> list[StrayReport]:
        """There is an SA between these two again: what is over by that."""
        found = []
        for streams in (self._peers, self._strangers):
            for sender, stream in list(streams.items()):
                if (sender.source, sender.destination) == (source, destination):
                    del streams[sender]
                    if stream.episode.told is not None:
                        found.append(_report(sender, stream, State.OVER))
        return found


def _report(sender: Sender, stream: Sending, state: State) -> StrayReport:
    episode = stream.episode
    return StrayReport(
        sender=sender,
        state=state,
        spis=tuple(stream.spis),
        port=stream.port,
        packets=episode.count,
        seconds=episode.last - episode.first,
    )
