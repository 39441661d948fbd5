# SPDX-License-Identifier: GPL-3.0-or-later
"""/proc/crypto: the algorithms that the kernel has ready now (crypto/proc.c).

Templates appear there after their first use only, so absence proves nothing.
"""

from modprobe_ipsec.host.facts import Algorithm, Unreadable
from modprobe_ipsec.host.reads import Allowed, Read
from modprobe_ipsec.host.root import LIMIT, Host


def _only_known(text: str, allowed: Allowed) -> str:
    """The records about something in the map."""
    kept = []
    for record in text.split("\n\n"):
        names = [line for line in record.split("\n") if line.partition(":")[0].strip() == "name"]
        if names and allowed.algorithm(names[0].partition(":")[2].strip()):
            kept.append(record.strip("\n"))
    return "".join(f"{record}\n\n" for record in kept)


READS = (Read("proc/crypto", _only_known, LIMIT),)


def read(host: Host, gaps: list[Unreadable]) -> tuple[Algorithm, ...] | None:
    """The usable algorithms of the host; None if they cannot be learned."""
    text = host.text("proc/crypto", gaps)
    return None if text is None else parse(text)


def parse(text: str) -> tuple[Algorithm, ...]:
    """The records of /proc/crypto that an SA can use, in their order.

    Left out: what is being built or tested (larval), what failed its self-test or has not passed
    it yet, the internal halves of SIMD drivers, and what is no record at all.
    """
    return tuple(found for record in text.split("\n\n") if (found := _algorithm(record)))


def _algorithm(record: str) -> Algorithm | None:
    fields = {}
    for line in record.split("\n"):
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    try:
        if (
            fields["selftest"] != "passed"
            or fields.get("internal") == "yes"
            or fields["type"] == "larval"
            or not fields["name"]
        ):
            return None
        return Algorithm(
            fields["name"],
            fields["driver"],
            fields["module"],
            int(fields["priority"]),
            fields["type"],
        )
    except (KeyError, ValueError):
        return None
