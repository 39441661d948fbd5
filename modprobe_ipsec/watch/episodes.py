# SPDX-License-Identifier: GPL-3.0-or-later
"""Told once when it begins, then at most once a minute while it lasts, and once when it is over.

Pure: times are seconds of any clock that never goes back.
"""

from modprobe_ipsec.base.annotations import Any, Iterator
from modprobe_ipsec.watch.event import State

# Seconds between two lines about one thing.
AGAIN = 60.0


class Episode:
    """Something that goes on."""

    __slots__ = ("count", "first", "last", "new", "told")

    def __init__(self, now: float) -> None:
        self.first = self.last = now
        # How often in all, and since it was last told.
        self.count = self.new = 0
        # When it was last told; None before.
        self.told: float | None = None

    def see(self, now: float, number: int) -> None:
        """It happened so many times more."""
        self.last = now
        self.count += number
        self.new += number

    def tell(self, now: float) -> State:
        """It is told now: as what."""
        state = State.BEGINS if self.told is None else State.LASTS
        self.told, self.new = now, 0
        return state

    def due(self, now: float) -> bool:
        """Whether it is to be told, once or again; what may be over by now waits for that."""
        if self.told is None:
            return bool(self.new)
        return bool(self.new) and now - self.told >= AGAIN and now - self.last < AGAIN / 2


class Episodes:
    """Episodes by what they are about; at most `most` of them, over after `quiet` seconds."""

    __slots__ = ("_most", "_open", "_quiet", "lost")

    def __init__(self, most: int, quiet: float = AGAIN) -> None:
        self._most, self._quiet = most, quiet
        self._open: dict[Any, Episode] = {}
        # What had no room.
        self.lost = 0

    def see(self, key: Any, now: float, number: int = 1) -> Episode | None:
        """It happened; None if there is no room for one more."""
        found = self._open.get(key)
        if found is None:
            if len(self._open) >= self._most:
                self.lost += number
                return None
            found = self._open[key] = Episode(now)
        found.see(now, number)
        return found

    def due(self, now: float) -> Iterator[tuple[Any, Episode]]:
        """What is to be told now."""
        return ((key, each) for key, each in list(self._open.items()) if each.due(now))

    def ended(self, now: float) -> Iterator[tuple[Any, Episode]]:
        """Those that are over; they are forgotten."""
        for key, each in list(self._open.items()):
            if now - each.last >= self._quiet:
                del self._open[key]
                yield key, each

    def end(self, key: Any) -> Episode | None:
        """What is over for another reason than silence; None if there was none."""
        return self._open.pop(key, None)

    def items(self) -> list[tuple[Any, Episode]]:
        """All that go on."""
        return list(self._open.items())
