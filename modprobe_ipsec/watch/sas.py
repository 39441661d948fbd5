# SPDX-License-Identifier: GPL-3.0-or-later
"""Which SAs there are, and which the kernel wants and nobody makes. Pure."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.watch.episodes import AGAIN, Episode
from modprobe_ipsec.watch.signs import AH, ESP, Acquired, SaName, Stray, packed

# SAs that are remembered. A gateway with more is told of no unknown SPI, rather than of wrong ones.
MOST_SAS = 100_000
# SAs that were removed by themselves, and for how long their packets may be on their way (seconds).
_GONE, _IN_FLIGHT = 1024, 5.0
# Acquires without an answer that are remembered.
_MOST_ACQUIRES = 256
# After this, an acquire should have its answer; and this long nobody asks for it again (seconds).
LATE, FORGOTTEN = 10.0, 300.0
# How much longer than it should a larval SA may be there (seconds).
_STUCK = 5.0


class KnownSas:
    """The SAs of this network namespace."""

    __slots__ = ("_gone", "_pairs", "_peers", "_sas", "changed", "full")

    def __init__(self) -> None:
        self._sas: dict[tuple[bytes, int, int], bytes] = {}
        # How many there are from each address to each, and from each.
        self._pairs: dict[tuple[bytes, bytes], int] = {}
        self._peers: dict[bytes, int] = {}
        # Removed one by one, as a rekeying does it, and when.
        self._gone: dict[tuple[bytes, int, int], float] = {}
        self.full = False
        # Whether SPIs came or went since somebody last set this back.
        self.changed = True

    def __len__(self) -> int:
        return len(self._sas)

    def clear(self) -> None:
        """Nothing is known: they are listed again."""
        for known in (self._sas, self._pairs, self._peers, self._gone):
            known.clear()
        self.full, self.changed = False, True

    def add(self, sa: SaName) -> None:
        """One more; again changes nothing."""
        key = (sa.destination, sa.protocol, sa.spi)
        if not sa.spi or key in self._sas:
            return
        if len(self._sas) >= MOST_SAS:
            self.full = True
            return
        self._sas[key] = sa.source
        self._count(sa.source, sa.destination, 1)
        self.changed = True

    def remove(self, sa: SaName, now: float) -> None:
        """One less."""
        key = (sa.destination, sa.protocol, sa.spi)
        source = self._sas.pop(key, None)
        if source is None:
            return
        self._count(source, sa.destination, -1)
        self.changed = True
        if len(self._gone) >= _GONE:
            del self._gone[next(iter(self._gone))]
        self._gone[key] = now

    def flush(self, protocol: int) -> None:
        """All of a protocol, or of all (255 and 0)."""
        for key in [k for k in self._sas if protocol in (0, 255, k[1])]:
            self._count(self._sas.pop(key), key[0], -1)
        self._gone.clear()
        self.changed = True

    def _count(self, source: bytes, destination: bytes, number: int) -> None:
        pair = (source, destination)
        self._pairs[pair] = self._pairs.get(pair, 0) + number
        self._peers[source] = self._peers.get(source, 0) + number
        if not self._pairs[pair]:
            del self._pairs[pair]
        if not self._peers[source]:
            del self._peers[source]

    def has(self, stray: Stray, now: float) -> bool:
        """Whether a packet is for one of them, or for one that was just replaced."""
        if self.full:
            return True
        protocols = (stray.protocol,) if stray.protocol else (ESP, AH)
        keys = [(stray.destination, protocol, stray.spi) for protocol in protocols]
        if any(key in self._sas for key in keys):
            return True
        if (stray.source, stray.destination) not in self._pairs:
            return False
        return any(now - self._gone.get(key, -_IN_FLIGHT) < _IN_FLIGHT for key in keys)

    def has_pair(self, sa: SaName) -> bool:
        """Whether there is any SA between the same two."""
        return (sa.source, sa.destination) in self._pairs

    def is_peer(self, address: bytes) -> bool:
        """Whether any SA is for what this address sends."""
        return address in self._peers

    def is_peer_text(self, address: str) -> bool:
        """The same for an address as people write it."""
        return packed(address) in self._peers

    def spis(self) -> list[int]:
        """All SPIs."""
        return [spi for _, _, spi in self._sas]


# What is asked for: from where, to where, IPPROTO_*
_Key = tuple[bytes, bytes, int]


class _Open:
    """An acquire that waits."""

    __slots__ = ("acquired", "episode", "larval_since", "stuck")

    def __init__(self, acquired: Acquired, now: float) -> None:
        self.acquired, self.episode = acquired, Episode(now)
        # Since when its placeholder is there; None once that has gone.
        self.larval_since: float | None = now
        self.stuck = False


class Acquires:
    """What the kernel asks daemons for."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[_Key, _Open] = {}

    def asked(self, acquired: Acquired, now: float) -> None:
        """The kernel asks, maybe again."""
        found = self._see(acquired, now)
        if found:
            found.episode.see(now, 1)
            found.larval_since = now

    def listed(self, sa: SaName, age: float, now: float) -> None:
        """A placeholder was there before anybody listened."""
        found = self._see(Acquired(sa.source, sa.destination, sa.protocol, ""), now)
        if found:
            found.larval_since = now - age
            found.episode.last = now

    def _see(self, acquired: Acquired, now: float) -> _Open | None:
        key = (acquired.source, acquired.destination, acquired.protocol)
        if key not in self._open and len(self._open) >= _MOST_ACQUIRES:
            return None
        return self._open.setdefault(key, _Open(acquired, now))

    def answered(self, sa: SaName) -> Iterator[tuple[Acquired, Episode]]:
        """An SA was made: what has waited for it."""
        if found := self._open.pop((sa.source, sa.destination, sa.protocol), None):
            yield found.acquired, found.episode

    def expired(self, sa: SaName) -> Iterator[tuple[Acquired, Episode]]:
        """A placeholder's time has passed without an SA."""
        found = self._open.get((sa.source, sa.destination, sa.protocol))
        if found:
            found.larval_since, found.stuck = None, False
            yield found.acquired, found.episode

    def late(self, now: float) -> Iterator[tuple[Acquired, Episode]]:
        """What should have an answer by now, and is to be told."""
        for each in list(self._open.values()):
            episode = each.episode
            if not each.acquired.flow or not episode.new:
                continue
            if episode.told is None:
                if now - episode.first >= LATE:
                    yield each.acquired, episode
            elif now - episode.told >= AGAIN:
                yield each.acquired, episode

    def ended(self, now: float) -> Iterator[tuple[Acquired, Episode]]:
        """What nobody asks for any more."""
        for key, each in list(self._open.items()):
            if each.larval_since is None and now - each.episode.last >= FORGOTTEN:
                del self._open[key]
                if each.episode.told is not None:
                    yield each.acquired, each.episode

    def stuck(self, now: float) -> Iterator[tuple[Acquired, float]]:
        """Placeholders that should have gone, each once, and how old they are (seconds)."""
        for each in self._open.values():
            if each.larval_since is None or each.stuck:
                continue
            age = now - each.larval_since
            # with 0 it never goes, which is told at once when it is late
            if age >= (each.acquired.life or LATE) + _STUCK:
                each.stuck = True
                yield each.acquired, age
