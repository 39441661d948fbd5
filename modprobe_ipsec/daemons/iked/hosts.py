# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of iked.conf as far as they matter: which family, and whether it is a network.

Names and interfaces are looked up when iked reads the file, and nobody knows with what result.
source: iked/parse.y host, host_ip, host_any, host_dynamic
"""

from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Family

_MAX_MASK = 128
_DOTTED = frozenset("0123456789.")
_HEX = frozenset("0123456789abcdefABCDEF")


class Address(Value):
    """One end of a flow, or of the tunnel."""

    text: str
    # None: `any`, `dynamic` or a name.
    family: Family | None
    # With a prefix length, or `any`.
    is_network: bool = False


ANY = Address("any", None, True)
DYNAMIC = Address("dynamic", None)


def address(text: str) -> Address | None:
    """What a text is; None if it is nothing."""
    host, slash, length = text.partition("/")
    if slash and not _is_length(length):
        return None
    family: Family | None = None
    if ":" in host:
        family = Family.IPV6
        # with a scope, as in fe80::1%eth0
        if not _is_ipv6(host.partition("%")[0]):
            return None
    elif host and not set(host) - _DOTTED:
        family = Family.IPV4
        if not _is_ipv4(host):
            return None
    return Address(text, family, bool(slash)) if host else None


def _is_length(text: str) -> bool:
    """As strtonum(3) reads it."""
    digits = text.strip(" \t\n\v\f\r").removeprefix("+").lstrip("0") or "0"
    return digits.isascii() and digits.isdecimal() and len(digits) < 4 and int(digits) <= _MAX_MASK


def _is_ipv4(text: str) -> bool:
    """As inet_aton(3) has it, of decimal and octal numbers: 10.1 is 10.0.0.1."""
    parts = text.split(".")
    if len(parts) > 4 or not all(parts) or any(len(part) > 16 for part in parts):
        return False
    if any(part[0] == "0" and set(part) & {"8", "9"} for part in parts):
        return False
    values = [int(part, 8 if part[0] == "0" else 10) for part in parts]
    return all(value < 256 for value in values[:-1]) and values[-1] < 256 ** (5 - len(parts))


def _is_ipv6(text: str) -> bool:
    before, gap, after = text.partition("::")
    left, right = _groups(before), _groups(after)
    if left is None or right is None:
        return False
    return left + right < 8 if gap else left == 8 and not after


def _groups(text: str) -> int | None:
    """How many groups of 16 bits these are; None if they are none."""
    if not text:
        return 0
    *first, last = text.split(":")
    count = len(first) + 1
    if "." in last:
        count += 1
        if len(last.split(".")) != 4 or set(last) - _DOTTED or not _is_ipv4(last):
            return None
        last = "0"
    ok = all(0 < len(part) < 5 and not set(part) - _HEX for part in (*first, last))
    return count if ok else None
