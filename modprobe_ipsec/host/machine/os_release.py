# SPDX-License-Identifier: GPL-3.0-or-later
"""Which distribution this is: os-release(5)."""

from modprobe_ipsec.base.annotations import Iterator, Mapping
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.reads import Allowed, Read
from modprobe_ipsec.host.root import Host

_PATHS = ("etc/os-release", "usr/lib/os-release")
# In bytes.
_LIMIT = 1 << 16

READS = tuple(Read(path) for path in _PATHS)


def redacted(host: Host, facts: Facts, allowed: Allowed) -> Iterator[tuple[str, bytes]]:
    """The distribution's names alone."""
    distribution = facts.environment().distribution
    if distribution:
        os_id, *like = distribution
        yield _PATHS[0], f'ID={os_id}\nID_LIKE="{" ".join(like)}"\n'.encode()


def read(host: Host) -> dict[str, str]:
    """All that it says, by name and without quotes; empty if there is none."""
    texts = (host.text(path, limit=_LIMIT) for path in _PATHS)
    return parse(next((text for text in texts if text), ""))


def parse(text: str) -> dict[str, str]:
    """`ID="debian"` -> ID, debian."""
    lines = (line.partition("=") for line in text.split("\n"))
    return {key.strip(): value.strip().strip("\"'") for key, _, value in lines}


def names(said: Mapping[str, str]) -> tuple[str, ...]:
    """ID, and after it ID_LIKE."""
    return tuple(dict.fromkeys(f"{said.get('ID', '')} {said.get('ID_LIKE', '')}".split()))
