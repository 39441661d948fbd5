# SPDX-License-Identifier: GPL-3.0-or-later
"""Which connection is made for which peer, and what would bring it up."""

from modprobe_ipsec.base.annotations import Iterable
from modprobe_ipsec.base.value import Value

# What no shell and no daemon takes for anything but a part of a name.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-@%+")
# Addresses of one connection that are looked at.
_MOST = 256
_ADDRESS = frozenset("0123456789abcdefABCDEF.:/")


class PeerConnection(Value):
    """A connection, as far as its peer is concerned."""

    # The name of the daemon, and of the connection with what is below it: `office children net`
    daemon: str
    conn: str
    # `/etc/ipsec.conf:12`
    place: str
    # Addresses and prefixes of its ends, one of which may be this host's own; names are left out.
    ends: tuple[str, ...]
    # Whether any peer may come.
    anybody: bool = False
    # Brings it up; empty where nothing does, or where its name could be taken for something else.
    command: str = ""


def command(*words: str, names: tuple[str, ...]) -> str:
    """A command line of these words and then the names that somebody chose.

    Empty if one of them needs more than plain letters, or could be taken for an option.
    """
    plain = all(name and name[0] != "-" and _PLAIN.issuperset(name) for name in names)
    return " ".join((*words, *names)) if plain else ""


def addresses(words: Iterable[str]) -> tuple[str, ...]:
    """Those that are addresses or prefixes; what has another form is left out."""
    found = dict.fromkeys(
        word for word in words if _ADDRESS.issuperset(word) and ("." in word or ":" in word)
    )
    return tuple(found)[:_MOST]
