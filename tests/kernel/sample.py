# SPDX-License-Identifier: GPL-3.0-or-later
"""Needs to try, made from the real map."""

from modprobe_ipsec.catalog.model import Family, Protocol, XfrmTable
from modprobe_ipsec.needs.need import Choice, Need, Suite
from tests.shipped import CATALOG

TRANSFORMS = CATALOG.transforms


def choice(name: str, bits: int = 0) -> Choice:
    """A transform of the map, with its longest key unless said otherwise."""
    transform = TRANSFORMS[name]
    return Choice(transform, bits or transform.key_bits[-1])


def need(
    protocol: Protocol,
    encryption: str = "",
    integrity: str = "",
    *,
    esn: bool = False,
    family: Family = Family.IPV4,
) -> Need:
    """A need without source."""
    cipher, hash_ = (choice(name) if name else None for name in (encryption, integrity))
    return Need(Suite(protocol, cipher, hash_, esn), family)


GCM = need(Protocol.ESP, "AES_GCM_16")
CBC = need(Protocol.ESP, "AES_CBC", "HMAC_SHA2_256_128")
CBC_ESN = need(Protocol.ESP, "AES_CBC", "HMAC_SHA2_256_128", esn=True)
AH = need(Protocol.AH, "", "HMAC_SHA2_512_256")
COMP = need(Protocol.COMP, "DEFLATE")
IMPOSSIBLE = need(Protocol.ESP, "CAMELLIA_CTR", "HMAC_SHA2_256_128")


def everything() -> list[Need]:
    """Every transform with every key length, in both families, with and without ESN."""
    suites = []
    for transform in TRANSFORMS.values():
        for bits in transform.key_bits:
            this = Choice(transform, bits)
            if transform.kind is XfrmTable.COMP:
                suites.append(Suite(Protocol.COMP, this, None))
                continue
            for protocol in transform.protocols:
                for esn in (False, True):
                    if transform.kind is not XfrmTable.AUTH:
                        suites.append(Suite(protocol, this, None, esn))
                    elif protocol is Protocol.AH:
                        suites.append(Suite(protocol, None, this, esn))
                    else:
                        suites.append(Suite(protocol, choice("AES_CBC", 128), this, esn))
    return [Need(suite, family) for suite in suites for family in Family]
