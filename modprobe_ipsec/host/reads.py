# SPDX-License-Identifier: GPL-3.0-or-later
"""How a reader of the host declares what it reads, and what of that may stand in a record.

Each reader has a `READS`; `--record` is made from them (host/record.py), and a test compares them
with what is really read. A reader whose files have no fixed names, or whose record is more than a
part of a file's text, has also

    def redacted(host: Host, facts: Facts, allowed: Allowed) -> Iterator[tuple[str, bytes]]
"""

from modprobe_ipsec.base.annotations import Callable, Protocol
from modprobe_ipsec.base.value import Value


class Allowed(Protocol):
    """What the map can ever ask for: catalog.reach.Reach. Nothing else belongs in a record."""

    modules: frozenset[str]
    # Kernel options, without CONFIG_, that tell what machine a kernel is for.
    machine_options: frozenset[str]

    def alias(self, alias: str) -> bool:
        """Whether this alias can answer a request."""
        ...

    def algorithm(self, name: str) -> bool:
        """Whether this name of the crypto API can be asked for."""
        ...


Keep = Callable[[str, Allowed], str]


class Read(Value):
    """A file that a reader looks at."""

    # From the root: proc/crypto. A shell pattern where only the host knows the names.
    path: str
    # What of its text stands in a record; None: what `redacted` of the reader says, or nothing.
    keep: Keep | None = None
    # How much of it is read for a record.
    limit: int = 1 << 16
    # The rest is cut off; otherwise a larger file is left out.
    head: bool = False


def whole(text: str, allowed: Allowed) -> str:
    """All of it: a number or a line that names nothing of anybody's."""
    return text


def mark(text: str, allowed: Allowed) -> str:
    """Only that it is there. Of a directory, too: something in it stands for all."""
    return ""
