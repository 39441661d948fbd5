# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away security association: what a need looks like to the kernel."""

import os

from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Family, Protocol, XfrmTable
from modprobe_ipsec.needs.need import Choice, Mode, Need

# XFRM_MODE_*, include/uapi/linux/xfrm.h
MODES = {Mode.TRANSPORT: 0, Mode.TUNNEL: 1, Mode.BEET: 4, Mode.IPTFS: 5}
TUNNEL, IPTFS = MODES[Mode.TUNNEL], MODES[Mode.IPTFS]

# Smaller ones are reserved (RFC 4303, 2.1; RFC 3173, 3.3), those of IPComp end at 65535.
FIRST_SPI = 0x100


class SaAlgorithm(Value):
    """An algorithm as XFRM messages carry it."""

    kind: XfrmTable
    name: str
    # With the salt; `key` is that long.
    key_bits: int
    # 0 for ciphers and compression.
    icv_bits: int
    # Empty where the kernel shows what it made.
    key: bytes = b""

    def __repr__(self) -> str:
        # Never the key.
        return f"{self.name} with a key of {self.key_bits} and an ICV of {self.icv_bits} bits"


class Sa(Value):
    """A security association between two addresses that are reserved for documentation."""

    protocol: Protocol
    family: Family
    spi: int
    # AEAD, cipher or compression first, then integrity.
    algorithms: tuple[SaAlgorithm, ...]
    esn: bool = False
    mode: int = TUNNEL

    def __str__(self) -> str:
        esn = ", ESN" if self.esn else ""
        return f"{'; '.join(map(str, self.algorithms))}{esn}, mode {self.mode}"

    def without_keys(self) -> "Sa":
        """The same as the kernel shows it."""
        return self._replace(algorithms=tuple(a._replace(key=b"") for a in self.algorithms))


def sa_for(need: Need, number: int) -> Sa:
    """Return an SA as both daemons would set it up, with a random key; `number` tells SAs apart."""
    suite = need.suite
    choices = (suite.encryption, suite.integrity)
    algorithms = tuple(_algorithm(choice) for choice in choices if choice)
    mode = MODES[need.mode]
    return Sa(suite.protocol, need.family, FIRST_SPI + number, algorithms, suite.esn, mode)


def _algorithm(choice: Choice) -> SaAlgorithm:
    transform, bits = choice.transform, choice.netlink_key_bits
    # Random also keeps the thirds of a 3DES key apart: in FIPS mode the kernel insists on that.
    key = os.urandom(bits // 8)
    return SaAlgorithm(transform.kind, transform.xfrm, bits, transform.icv_bits, key)
