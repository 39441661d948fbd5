# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a tunnel carries goes on to a network behind this host, so that it is a gateway."""

from modprobe_ipsec.catalog.model import Family

# Prefix lengths, and a mask written out, that leave a single host.
_ONE_HOST = {Family.IPV4: ("32", "255.255.255.255"), Family.IPV6: ("128",)}
# Of a list, that are looked at: each connection may have the same long one.
_MOST = 4096
_IN_LISTS = str.maketrans(dict.fromkeys(",{}\"'", " "))
_IN_ADDRESSES = "0123456789abcdefABCDEF.:-"


def networks(selectors: str) -> tuple[Family, ...]:
    """Families of the subnets and ranges in a list of traffic selectors, as any daemon has it.

    A single address is this host itself, and what is no address (`dynamic`, `%priv`, `vhost:`)
    tells nothing.
    """
    found = set()
    for selector in selectors[:_MOST].translate(_IN_LISTS).split():
        # `10.0.0.0/8[udp/53]`
        address, slash, length = selector.partition("[")[0].partition("/")
        if not address or address.strip(_IN_ADDRESSES):
            continue
        family = Family.IPV6 if ":" in address else Family.IPV4
        if length not in _ONE_HOST[family] if slash else "-" in address:
            found.add(family)
    return tuple(family for family in Family if family in found)
