# SPDX-License-Identifier: GPL-3.0-or-later
"""The counters of /proc/net/xfrm_stat: which of them rise."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.watch.core import Core
from modprobe_ipsec.watch.signs import Counted, Sign
from modprobe_ipsec.watch.witnesses._proc import text

ABOUT = "the counters of /proc/net/xfrm_stat"
RANK = 0

# Seconds between two looks.
_EVERY = 1.0
# No line is longer, and no kernel has more counters.
_LINE, _MOST = 100, 100


class CounterRises:
    """Differences of one look and the next."""

    __slots__ = ("_before", "_next", "_values")

    def __init__(self) -> None:
        self._next = 0.0
        # The text itself says at once whether anything is new.
        self._before = text("net/xfrm_stat")
        self._values = _read(self._before)

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        return

    def see(self, now: float) -> Iterator[Sign]:
        if now < self._next:
            return
        self._next = now + _EVERY
        found = text("net/xfrm_stat")
        if found == self._before:
            return
        self._before, before = found, self._values
        self._values = _read(found)
        rises = {
            name: value - before.get(name, 0)
            for name, value in self._values.items()
            if value > before.get(name, 0)
        }
        if rises:
            yield Counted(rises)


def _read(text: str) -> dict[str, int]:
    found = {}
    for line in text.split("\n")[:_MOST]:
        name, _, value = line[:_LINE].partition(" ")
        name, _, more = name.partition("\t")
        number = (more + value).strip()
        if name.startswith("Xfrm") and number.isdecimal():
            found[name] = int(number)
    return found


def start(core: Core) -> CounterRises:
    return CounterRises()
