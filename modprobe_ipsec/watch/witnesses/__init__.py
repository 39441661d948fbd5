# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry of what can be watched: each file is one witness, by its name.

It offers

- `ABOUT`: what it sees, in a few words;
- `RANK`: 0, or its place among those that see unknown SPIs, of which only the best is used;
- `start(core) -> Witness`, which raises OSError where it cannot see anything, with the reason.
"""

from modprobe_ipsec.base import registry
from modprobe_ipsec.base.annotations import Any, Iterable, Protocol
from modprobe_ipsec.watch.signs import Sign


class Witness(Protocol):
    """Sees one thing, and bounds what it reads at a time."""

    def fileno(self) -> int:
        """What becomes readable when there is something to see; -1 if only time tells."""

    def see(self, now: float) -> Iterable[Sign]:
        """What there is to see now; never waits. Called when it is readable, and on each tick."""

    def close(self) -> None:
        """Look no more."""


def names() -> tuple[str, ...]:
    """All witnesses."""
    return registry.names(__path__)


def load(name: str) -> Any:
    """One of them, as a module."""
    return registry.load(__name__, name)


def ranked() -> tuple[str, ...]:
    """Those that see unknown SPIs, the best first."""
    found = {name: load(name).RANK for name in names()}
    return tuple(sorted((name for name, rank in found.items() if rank), key=found.__getitem__))
