# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether programs have 32 bits or 64: a kernel of 64 bits may not take the others' messages."""

import sys

from modprobe_ipsec.base.annotations import Iterable, Iterator
from modprobe_ipsec.host.facts import Facts, WordSizes
from modprobe_ipsec.host.reads import Allowed, Read
from modprobe_ipsec.host.root import Host

# Of a tree, stands for whoever recorded it.
_SELF = "proc/self/exe"
READS = (Read(_SELF),)

# source: elf(5), e_ident: magic, then EI_CLASS
_MAGIC, _IDENT = b"\x7fELF", 5
_BITS = {1: 32, 2: 64}


def redacted(host: Host, facts: Facts, allowed: Allowed) -> Iterator[tuple[str, bytes]]:
    """The first bytes of a program such as the daemon's."""
    daemon = facts.word_sizes().daemon
    for number, bits in _BITS.items():
        if bits == daemon:
            yield _SELF, _MAGIC + bytes((number,))


def read(host: Host, programs: Iterable[str]) -> WordSizes:
    """Look at the first of these programs (absolute paths) that is there."""
    ours = (64 if sys.maxsize > 1 << 32 else 32) if host.root == "/" else _of(host, _SELF)
    found = (_of(host, path.lstrip("/")) for path in programs)
    return WordSizes(daemon=next(filter(None, found), ours), ours=ours)


def _of(host: Host, path: str) -> int:
    head = host.read(path, _IDENT, head=True)
    return bits_of(head) if isinstance(head, bytes) else 0


def bits_of(head: bytes) -> int:
    """What the first bytes of a program say; 0 if it is none."""
    return _BITS.get(head[4], 0) if len(head) >= _IDENT and head.startswith(_MAGIC) else 0
