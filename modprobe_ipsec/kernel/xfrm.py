# SPDX-License-Identifier: GPL-3.0-or-later
"""XFRM messages: an SA as the kernel is asked for it, and as it shows it.

Layout: include/uapi/linux/xfrm.h; lengths of keys and ICVs there are in bits.
"""

# `socket` without its enumerations, which take longer to make than an answer takes
import _socket as socket
import struct

from modprobe_ipsec.catalog.model import Family, Protocol, XfrmTable
from modprobe_ipsec.kernel.netlink import Netlink, attribute, attributes
from modprobe_ipsec.kernel.sa import IPTFS, TUNNEL, Sa, SaAlgorithm

NEWSA, DELSA, GETSA = 16, 17, 18

PROTOCOLS = {Protocol.ESP: 50, Protocol.AH: 51, Protocol.COMP: 108}
FAMILIES = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
# Source and destination, from RFC 5737 and RFC 3849.
ADDRESSES = {
    Family.IPV4: ("192.0.2.1", "192.0.2.2"),
    Family.IPV6: ("2001:db8::1", "2001:db8::2"),
}

# xfrm_usersa_info.flags
AF_UNSPEC, ALIGN4, ESN = 32, 64, 128

REPLAY_WINDOW = 32

# XFRMA_ALG_AEAD, _CRYPT, _COMP and _AUTH_TRUNC
ATTRIBUTES = {XfrmTable.AEAD: 18, XfrmTable.CIPHER: 2, XfrmTable.COMP: 3, XfrmTable.AUTH: 20}
REPLAY_ESN_VAL, SA_DIR = 23, 33
SA_DIR_IN = b"\1"
# xfrm_algo; xfrm_algo_aead and xfrm_algo_auth: name, key length, ICV length
PLAIN, WITH_ICV = struct.Struct("64sI"), struct.Struct("64sII")
HEADS = {
    XfrmTable.AEAD: WITH_ICV,
    XfrmTable.CIPHER: PLAIN,
    XfrmTable.COMP: PLAIN,
    XfrmTable.AUTH: WITH_ICV,
}

# xfrm_usersa_info, an SA that is asked for (NEWSA) or shown: selector, destination, SPI, protocol,
# source, limits, counters so far, statistics, seq, reqid, family, mode, replay window, flags; and
# as many bytes as the compiler adds for the alignment of 64-bit numbers.
USERSA_INFO = struct.Struct("56s16s4sB3x16s8Q32s12sIIHBBB0Q")
# xfrm_usersa_id, which names the SA of GETSA and DELSA: destination, SPI, family, protocol
USERSA_ID = struct.Struct("16s4sHBx")
# Bytes and packets, soft and hard: XFRM_INF, no limit. Then four times.
LIMITS = (2**64 - 1,) * 4 + (0,) * 4


def pack(sa: Sa) -> bytes:
    """Make the body of NEWSA."""
    # A tunnel for packets of both families, as both daemons ask for it.
    flags = AF_UNSPEC if sa.mode in (TUNNEL, IPTFS) else 0
    if sa.protocol is Protocol.AH and sa.family is Family.IPV4:
        flags |= ALIGN4
    more = b"".join(map(_algorithm, sa.algorithms))
    window = 0
    if sa.esn:
        flags |= ESN
        # xfrm_replay_state_esn without its bitmap of one word, which the kernel makes itself.
        more += attribute(REPLAY_ESN_VAL, struct.pack("6I", 1, 0, 0, 0, 0, REPLAY_WINDOW))
    elif sa.protocol is not Protocol.COMP:
        window = REPLAY_WINDOW
    if sa.mode == IPTFS:
        # this mode needs to know
        more += attribute(SA_DIR, SA_DIR_IN)
    source, destination = _addresses(sa)
    return (
        USERSA_INFO.pack(
            b"",
            destination,
            sa.spi.to_bytes(4, "big"),
            PROTOCOLS[sa.protocol],
            source,
            *LIMITS,
            b"",
            b"",
            0,
            0,
            FAMILIES[sa.family],
            sa.mode,
            window,
            flags,
        )
        + more
    )


def identify(sa: Sa) -> bytes:
    """Make the body of GETSA and DELSA."""
    _, destination = _addresses(sa)
    spi = sa.spi.to_bytes(4, "big")
    return USERSA_ID.pack(destination, spi, FAMILIES[sa.family], PROTOCOLS[sa.protocol])


def unpack(body: bytes) -> Sa:
    """Read the body of an answer to GETSA; without keys."""
    _, _, spi, protocol, *_, family, mode, _, flags = USERSA_INFO.unpack_from(body)
    return Sa(
        next(name for name, number in PROTOCOLS.items() if number == protocol),
        next(name for name, number in FAMILIES.items() if number == family),
        int.from_bytes(spi, "big"),
        tuple(_algorithms(attributes(body[USERSA_INFO.size :]))),
        bool(flags & ESN),
        mode,
    )


def _addresses(sa: Sa) -> list[bytes]:
    """Source and destination, as `xfrm_address_t` has them."""
    return [socket.inet_pton(FAMILIES[sa.family], end) for end in ADDRESSES[sa.family]]


def _algorithm(algorithm: SaAlgorithm) -> bytes:
    lengths = (algorithm.key_bits, algorithm.icv_bits)
    head = HEADS[algorithm.kind]
    values = lengths if head is WITH_ICV else lengths[:1]
    data = head.pack(algorithm.name.encode(), *values) + algorithm.key
    return attribute(ATTRIBUTES[algorithm.kind], data)


def _algorithms(told: dict[int, bytes]) -> list[SaAlgorithm]:
    found = []
    for kind, number in ATTRIBUTES.items():
        if number in told:
            name, key_bits, *icv = HEADS[kind].unpack_from(told[number])
            text = name.rstrip(b"\0").decode()
            found.append(SaAlgorithm(kind, text, key_bits, icv[0] if icv else 0))
    return found


class Xfrm(Netlink):
    """A NETLINK_XFRM socket in the network namespace of the thread that makes it.

    All methods raise OSError with the kernel's errno; its `strerror` is the kernel's extended-ack
    text, empty if the kernel gave none.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(socket.NETLINK_XFRM)

    def add(self, sa: Sa) -> None:
        """Have the kernel make an SA."""
        self.ask(NEWSA, pack(sa))

    def read(self, sa: Sa) -> Sa:
        """Return what the kernel made of an SA."""
        return unpack(self.ask(GETSA, identify(sa), 0))

    def delete(self, sa: Sa) -> None:
        """Have the kernel remove an SA."""
        self.ask(DELSA, identify(sa))
