# SPDX-License-Identifier: GPL-3.0-or-later
"""XFRM messages through pyroute2, which knows netlink but not these.

The only file that imports pyroute2: do so only to prove something.
Layout: include/uapi/linux/xfrm.h; lengths of keys and ICVs there are in bits.
"""

import ctypes
import socket
import struct

from modprobe_ipsec.catalog.model import Family, Kind, Protocol
from modprobe_ipsec.prove.bare import bare
from modprobe_ipsec.prove.netlink import Netlink
from modprobe_ipsec.prove.sa import IPTFS, TUNNEL, Sa, SaAlgorithm

try:
    # The whole of it is 160 modules, asyncio and ssl among them: 100 ms, and seconds on a slow
    # machine at boot, for classes that need none of them.
    with bare("pyroute2"):
        from pyroute2.netlink import NLM_F_ACK, NLM_F_CAPPED, NLM_F_REQUEST, NLMSG_ERROR, nlmsg
except Exception:
    # Another version of pyroute2, which cannot be had in parts.
    from pyroute2.netlink import NLM_F_ACK, NLM_F_CAPPED, NLM_F_REQUEST, NLMSG_ERROR, nlmsg

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

ATTRIBUTES = {
    Kind.AEAD: "XFRMA_ALG_AEAD",
    Kind.CIPHER: "XFRMA_ALG_CRYPT",
    Kind.COMP: "XFRMA_ALG_COMP",
    Kind.AUTH: "XFRMA_ALG_AUTH_TRUNC",
}
# xfrm_algo; xfrm_algo_aead and xfrm_algo_auth: name, key length, ICV length
PLAIN, WITH_ICV = struct.Struct("64sI"), struct.Struct("64sII")
HEADS = {Kind.AEAD: WITH_ICV, Kind.CIPHER: PLAIN, Kind.COMP: PLAIN, Kind.AUTH: WITH_ICV}

# The compiler rounds xfrm_usersa_info up to the alignment of its 64-bit members: 4 or 8 bytes.
_TAIL = -217 % ctypes.alignment(ctypes.c_uint64)


class usersa_info(nlmsg):  # type: ignore[misc]
    """`struct xfrm_usersa_info`: an SA, asked for (NEWSA) or shown."""

    fields = (
        ("sel", "56s"),
        ("daddr", "16s"),
        ("spi", ">I"),
        ("proto", "B"),
        ("pad_id", "3x"),
        ("saddr", "16s"),
        # The limits: bytes and packets, soft and hard; then four times.
        ("lft", "8Q"),
        ("curlft", "32s"),
        ("stats", "12s"),
        ("seq", "I"),
        ("reqid", "I"),
        ("family", "H"),
        ("mode", "B"),
        ("replay_window", "B"),
        ("flags", "B"),
        ("pad", f"{_TAIL}x"),
    )
    # pyroute2 has no defaults for byte strings and arrays. XFRM_INF: no limit.
    defaults = {  # noqa: RUF012
        "sel": bytes(56),
        "lft": (2**64 - 1,) * 4 + (0,) * 4,
        "curlft": bytes(32),
        "stats": bytes(12),
    }
    nla_map = (
        (2, "XFRMA_ALG_CRYPT", "cdata"),
        (3, "XFRMA_ALG_COMP", "cdata"),
        (18, "XFRMA_ALG_AEAD", "cdata"),
        (20, "XFRMA_ALG_AUTH_TRUNC", "cdata"),
        (23, "XFRMA_REPLAY_ESN_VAL", "cdata"),
        (33, "XFRMA_SA_DIR", "cdata"),
    )


class usersa_id(nlmsg):  # type: ignore[misc]
    """`struct xfrm_usersa_id`: names the SA of GETSA and DELSA."""

    fields = (("daddr", "16s"), ("spi", ">I"), ("family", "H"), ("proto", "B"), ("pad", "1x"))


class nlmsgerr(nlmsg):  # type: ignore[misc]
    """`struct nlmsgerr`: refused or, with error 0, done. What was asked is not repeated in it."""

    fields = (("error", "i"), ("request", "16s"))
    nla_map = ((1, "NLMSGERR_ATTR_MSG", "asciiz"),)


def pack(sa: Sa) -> usersa_info:
    """Make the body of NEWSA."""
    message = usersa_info()
    message["saddr"] = _address(sa.family, 0)
    message["mode"] = sa.mode
    # A tunnel for packets of both families, as both daemons ask for it.
    message["flags"] = AF_UNSPEC if sa.mode in (TUNNEL, IPTFS) else 0
    if sa.protocol is Protocol.AH and sa.family is Family.IPV4:
        message["flags"] |= ALIGN4
    message["attrs"] = [_attribute(algorithm) for algorithm in sa.algorithms]
    if sa.esn:
        message["flags"] |= ESN
        # xfrm_replay_state_esn without its bitmap of one word, which the kernel makes itself.
        state = struct.pack("6I", 1, 0, 0, 0, 0, REPLAY_WINDOW)
        message["attrs"].append(("XFRMA_REPLAY_ESN_VAL", state))
    elif sa.protocol is not Protocol.COMP:
        message["replay_window"] = REPLAY_WINDOW
    if sa.mode == IPTFS:
        # XFRM_SA_DIR_IN: this mode needs to know
        message["attrs"].append(("XFRMA_SA_DIR", b"\1"))
    _name(message, sa)
    return message


def identify(sa: Sa) -> usersa_id:
    """Make the body of GETSA and DELSA."""
    message = usersa_id()
    _name(message, sa)
    return message


def unpack(message: usersa_info) -> Sa:
    """Read the body of an answer to GETSA; without keys."""
    return Sa(
        next(protocol for protocol, number in PROTOCOLS.items() if number == message["proto"]),
        next(family for family, number in FAMILIES.items() if number == message["family"]),
        message["spi"],
        tuple(_algorithms(message)),
        bool(message["flags"] & ESN),
        message["mode"],
    )


def _name(message: nlmsg, sa: Sa) -> None:
    """Fill in what tells one SA from the others."""
    message["daddr"] = _address(sa.family, 1)
    message["spi"] = sa.spi
    message["family"] = FAMILIES[sa.family]
    message["proto"] = PROTOCOLS[sa.protocol]


def _address(family: Family, end: int) -> bytes:
    return socket.inet_pton(FAMILIES[family], ADDRESSES[family][end]).ljust(16, b"\0")


def _attribute(algorithm: SaAlgorithm) -> tuple[str, bytes]:
    lengths = (algorithm.key_bits, algorithm.icv_bits)
    head = HEADS[algorithm.kind]
    values = lengths if head is WITH_ICV else lengths[:1]
    return ATTRIBUTES[algorithm.kind], head.pack(algorithm.name.encode(), *values) + algorithm.key


def _algorithms(message: usersa_info) -> list[SaAlgorithm]:
    found = []
    for kind, attribute in ATTRIBUTES.items():
        data = message.get_attr(attribute)
        if data is not None:
            name, key_bits, *icv = HEADS[kind].unpack_from(data)
            text = name.rstrip(b"\0").decode()
            found.append(SaAlgorithm(kind, text, key_bits, icv[0] if icv else 0))
    return found


class Xfrm(Netlink):
    """A NETLINK_XFRM socket in the network namespace of the thread that makes it.

    All methods raise OSError with the kernel's errno; its `strerror` is the kernel's extended-ack
    text, empty if the kernel gave none.
    """

    __slots__ = ("_sequence",)

    def __init__(self) -> None:
        super().__init__(socket.NETLINK_XFRM)
        self._sequence = 0

    def add(self, sa: Sa) -> None:
        """Have the kernel make an SA."""
        self._request(pack(sa), NEWSA, NLM_F_ACK)

    def read(self, sa: Sa) -> Sa:
        """Return what the kernel made of an SA."""
        return unpack(self._request(identify(sa), GETSA))

    def delete(self, sa: Sa) -> None:
        """Have the kernel remove an SA."""
        self._request(identify(sa), DELSA, NLM_F_ACK)

    def _request(self, message: nlmsg, kind: int, flags: int = 0) -> nlmsg:
        self._sequence += 1
        message["header"] = {
            "type": kind,
            "flags": NLM_F_REQUEST | flags,
            "sequence_number": self._sequence,
        }
        message.encode()
        return decode(self.ask(bytes(message.data)))


def decode(data: bytes) -> nlmsg:
    """Decode an answer; raise OSError if the kernel refuses."""
    (kind,) = struct.unpack_from("H", data, 4)
    answer = nlmsgerr(data) if kind == NLMSG_ERROR else usersa_info(data)
    answer.decode()
    if kind == NLMSG_ERROR and answer["error"]:
        # Else the rest of the request is in between.
        capped = answer["header"]["flags"] & NLM_F_CAPPED
        text = answer.get_attr("NLMSGERR_ATTR_MSG") if capped else None
        raise OSError(-answer["error"], text or "")
    return answer
