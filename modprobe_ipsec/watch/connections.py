# SPDX-License-Identifier: GPL-3.0-or-later
"""A peer's address -> the connections that are made for it. Pure."""

from modprobe_ipsec.base.annotations import Iterable
from modprobe_ipsec.base.text import first, listed
from modprobe_ipsec.watch.readiness import Connection
from modprobe_ipsec.watch.signs import packed

# Prefixes that are looked at for each address that is none of a connection's own.
_MOST_PREFIXES = 256
_SHOWN = 3


class PeerIndex:
    """All connections, found by the addresses of their ends."""

    __slots__ = ("_anybody", "_by_address", "_prefixes")

    def __init__(self, connections: Iterable[Connection] = ()) -> None:
        self._by_address: dict[bytes, list[Connection]] = {}
        self._prefixes: list[tuple[bytes, int, Connection]] = []
        # Those whose peer may be anybody.
        self._anybody: list[Connection] = []
        for each in connections:
            if each.anybody:
                self._anybody.append(each)
            for end in each.ends:
                address, slash, length = end.partition("/")
                if slash and length.isdecimal() and len(self._prefixes) < _MOST_PREFIXES:
                    self._prefixes.append((packed(address), min(int(length[:4]), 128), each))
                elif key := packed(end):
                    self._by_address.setdefault(key, []).append(each)

    def is_peer(self, address: bytes) -> bool:
        """Whether a connection names this address."""
        return address in self._by_address

    def of(self, address: bytes, own: bytes = b"") -> list[Connection]:
        """PeerIndex that name this peer; where none does, those whose peer may be anybody.

        Of several, those come first that name our `own` address too.
        """
        if found := self._by_address.get(address):
            ours = self._by_address.get(own, ())
            return sorted(found, key=lambda each: each not in ours)
        within = [each for prefix, bits, each in self._prefixes if _within(address, prefix, bits)]
        return within or self._anybody

    def named(self, address: bytes, own: bytes = b"") -> str:
        """`connection office (/etc/ipsec.conf:12). To do: ipsec up office`; empty without any."""
        found = self.of(address, own)
        if not found:
            return ""
        shown, left = first([f"{each.conn} ({each.place})" for each in found], _SHOWN)
        what = f"connection{'s' if len(found) > 1 else ''} " + listed(
            [*shown, f"{left} more"] if left else shown
        )
        commands = list(dict.fromkeys(each.command for each in found if each.command))[:_SHOWN]
        if not commands:
            sure = address in self._by_address
            return what if sure else f"maybe {what}, which the peer has to bring up"
        return f"{what}. To do: {' or '.join(commands)}"


def _within(address: bytes, prefix: bytes, bits: int) -> bool:
    if len(address) != len(prefix):
        return False
    shift = max(0, len(address) * 8 - bits)
    return int.from_bytes(address, "big") >> shift == int.from_bytes(prefix, "big") >> shift
