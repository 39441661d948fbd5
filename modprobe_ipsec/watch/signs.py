# SPDX-License-Identifier: GPL-3.0-or-later
"""What witnesses can see, as values. Addresses are packed, as the kernel has them. Pure."""

# `socket` without its enumerations
import _socket as socket

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.value import Value

ESP, AH = 50, 51
PROTOCOLS = {ESP: "ESP", AH: "AH", 108: "IPComp"}


def shown(address: bytes) -> str:
    """An address as people write it."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def packed(address: str) -> bytes:
    """An address as the kernel has it; empty for what is none."""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    except (OSError, ValueError):
        return b""


class Stray(Value):
    """A packet whose SPI no SA has, or maybe has not."""

    source: bytes
    destination: bytes
    spi: int
    # ESP or AH; 0 where the witness does not say.
    protocol: int
    # The source port of ESP in UDP; 0 without UDP.
    port: int = 0


class StrayCount(Value):
    """Packets with an SPI that no SA has, of which nothing else is known."""

    number: int


class SaName(Value):
    """What names an SA."""

    source: bytes
    destination: bytes
    protocol: int
    # 0: a placeholder until the daemon has made one (a larval SA).
    spi: int


class SaMade(Value):
    """An SA is there."""

    sa: SaName
    # Failures so far: outside the window, replayed, wrong ICV.
    failures: tuple[int, int, int] = (0, 0, 0)
    # It was there before it was listened for.
    listed: bool = False
    # How long it is there (seconds).
    age: float = 0.0


class SaGone(Value):
    """An SA was removed."""

    sa: SaName


class SaExpired(Value):
    """An SA has come to its hard limit, and is gone."""

    sa: SaName


class SaFailures(Value):
    """Packets that an SA has refused since it was last looked at."""

    sa: SaName
    late: int
    replayed: int
    wrong_icv: int


class Acquired(Value):
    """The kernel wants an SA for a packet that somebody sends."""

    source: bytes
    destination: bytes
    protocol: int
    # The packet: `udp 10.1.1.1 -> 10.2.1.1 port 53`; empty where nobody has seen it.
    flow: str
    # How long the kernel waits for it (seconds), net.core.xfrm_acq_expires; 0: for ever.
    life: int = 30


class Flushed(Value):
    """All SAs or all policies were removed at once."""

    # SAs, policies
    what: str
    # IPPROTO_*, or 255 for all.
    protocol: int = 255
    # The port of the netlink socket that asked for it, mostly a process id; 0 is the kernel.
    by: int = 0
    # Its name, where it can be told.
    who: str = ""


class MappingChanged(Value):
    """A peer behind a NAT sends from elsewhere."""

    sa: SaName
    old: tuple[bytes, int]
    new: tuple[bytes, int]


class Counted(Value):
    """Counters of /proc/net/xfrm_stat that have risen, and by how much."""

    rises: Mapping[str, int]


class ModuleCame(Value):
    """A module was loaded."""

    name: str
    # How, if that could be seen: `by the kernel itself, for xfrm-type-2-50`
    how: str = ""


class ModuleGone(Value):
    """A module was unloaded."""

    name: str


class FilesChanged(Value):
    """Something that a verdict rests on was written, removed or made."""


class CardsChanged(Value):
    """A network card came, went, or has other features."""


class Missed(Value):
    """A socket's buffer ran over: so much was not seen."""

    # What of: `messages about SAs`
    what: str
    number: int = 0


class Remark(Value):
    """Something about a witness that an admin should know."""

    text: str
    trouble: bool = False


OfSas = SaMade | SaGone | SaExpired | SaFailures | Acquired | Flushed | MappingChanged
Sign = (
    Stray
    | StrayCount
    | Counted
    | ModuleCame
    | ModuleGone
    | FilesChanged
    | CardsChanged
    | Missed
    | Remark
    | OfSas
)
