# SPDX-License-Identifier: GPL-3.0-or-later
"""SAs and policies as values, the socket that makes them, and what the kernel tells by itself.

Addresses are text, ports and SPIs numbers, keys bytes; limits are in packets, bytes and seconds.
"""

import socket
import struct

from modprobe_ipsec.base.annotations import Any, Mapping
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.kernel import xfrm
from modprobe_ipsec.kernel.netlink import HEADER, LIMIT, Netlink, body_of, message
from modprobe_ipsec.kernel.sa import TUNNEL, Sa, SaAlgorithm
from modprobe_ipsec.lab import messages
from modprobe_ipsec.lab.messages import pack, unpack

# include/uapi/linux/xfrm.h, enum of XFRM_MSG_BASE
NEWSA, DELSA, GETSA = xfrm.NEWSA, xfrm.DELSA, xfrm.GETSA
NEWPOLICY, GETPOLICY, ALLOCSPI, ACQUIRE, EXPIRE, UPDSA = 19, 21, 22, 23, 24, 26
FLUSHSA, FLUSHPOLICY = 28, 29
REPORT, MAPPING = 0x20, 0x26
NAMES = {
    NEWSA: "NEWSA",
    DELSA: "DELSA",
    NEWPOLICY: "NEWPOLICY",
    ACQUIRE: "ACQUIRE",
    EXPIRE: "EXPIRE",
    UPDSA: "UPDSA",
    0x1E: "NEWAE",
    REPORT: "REPORT",
    0x21: "MIGRATE",
    MAPPING: "MAPPING",
}
# include/uapi/linux/netlink.h
_NLM_F_DUMP, _NLMSG_DONE = 0x300, 3

# XFRM_MODE_*
TRANSPORT, BEET, IPTFS = 0, 4, 5
ESP, AH, COMP = 50, 51, 108
# XFRM_POLICY_*
IN, OUT, FWD = 0, 1, 2
# XFRM_SA_DIR_*
SA_IN, SA_OUT = 1, 2
# XFRM_INF
_FOR_EVER = 2**64 - 1


def family_of(address: str) -> int:
    """AF_INET or AF_INET6."""
    return int(socket.AF_INET6 if ":" in address else socket.AF_INET)


class Selector(Value):
    """Which packets: all that fit."""

    # With a prefix length: 192.0.2.1/32; empty is any, of the SA's own family.
    source: str = ""
    destination: str = ""
    # IPPROTO_*; 0 is any.
    proto: int = 0
    # 0 is any.
    sport: int = 0
    dport: int = 0

    def fields(self, prefix: str = "sel") -> dict[str, Any]:
        """Of struct xfrm_selector."""
        if not self.destination:
            return {}
        daddr, dlen = self.destination.split("/")
        saddr, slen = self.source.split("/")
        family = family_of(daddr)
        found = {
            "daddr": socket.inet_pton(family, daddr),
            "saddr": socket.inet_pton(family, saddr),
            "prefixlen_d": int(dlen),
            "prefixlen_s": int(slen),
            "family": family,
            "proto": self.proto,
            "sport": self.sport,
            "sport_mask": 0xFFFF * bool(self.sport),
            "dport": self.dport,
            "dport_mask": 0xFFFF * bool(self.dport),
        }
        return {f"{prefix}_{name}": value for name, value in found.items()}


class Association(Value):
    """An SA, with all that can be said of one."""

    source: str
    destination: str
    spi: int
    algorithms: tuple[SaAlgorithm, ...]
    protocol: int = ESP
    mode: int = TRANSPORT
    reqid: int = 0
    seq: int = 0
    # xfrm_usersa_info.replay_window, in packets
    window: int = xfrm.REPLAY_WINDOW
    flags: int = 0
    selector: Selector = Selector()
    # Fields of struct xfrm_lifetime_cfg, by name; what is not named is no limit.
    limits: tuple[tuple[str, int], ...] = ()
    # XFRMA_*, by name, behind the algorithms.
    more: tuple[tuple[str, bytes], ...] = ()

    def plus(self, name: str, value: bytes) -> "Association":
        """The same with one more attribute."""
        return self._replace(more=(*self.more, (name, value)))

    def pack(self) -> bytes:
        """The body of NEWSA."""
        return pack(messages.SaInfo, self._fields_of_sa(), self._attributes())

    def _fields_of_sa(self) -> dict[str, Any]:
        family = family_of(self.destination)
        return {
            **self.selector.fields(),
            "id_daddr": socket.inet_pton(family, self.destination),
            "id_spi": self.spi,
            "id_proto": self.protocol,
            "saddr": socket.inet_pton(family, self.source),
            **_limits(dict(self.limits)),
            "seq": self.seq,
            "reqid": self.reqid,
            "family": family,
            "mode": self.mode,
            "replay_window": self.window,
            "flags": self.flags,
        }

    def _attributes(self) -> tuple[tuple[str, bytes], ...]:
        names = {number: name for name, number in _ALGORITHMS.items()}
        found = []
        for algorithm in self.algorithms:
            head = xfrm.HEADS[algorithm.kind]
            lengths = (algorithm.key_bits, algorithm.icv_bits)[: 1 + (head is xfrm.WITH_ICV)]
            data = head.pack(algorithm.name.encode(), *lengths) + algorithm.key
            found.append((names[xfrm.ATTRIBUTES[algorithm.kind]], data))
        return (*found, *self.more)


_ALGORITHMS = {"ALG_AEAD": 18, "ALG_CRYPT": 2, "ALG_COMP": 3, "ALG_AUTH_TRUNC": 20}


def association(sa: Sa, source: str, destination: str) -> Association:
    """The SA of a need, as the boot path asks for it, between two other addresses."""
    flags = xfrm.AF_UNSPEC if sa.mode in (TUNNEL, IPTFS) else 0
    if xfrm.PROTOCOLS[sa.protocol] == AH and ":" not in destination:
        flags |= xfrm.ALIGN4
    made = Association(
        source,
        destination,
        sa.spi,
        sa.algorithms,
        xfrm.PROTOCOLS[sa.protocol],
        sa.mode,
        window=0 if sa.esn or xfrm.PROTOCOLS[sa.protocol] == COMP else xfrm.REPLAY_WINDOW,
        flags=flags,
    )
    if sa.esn:
        made = with_esn(made)
    return made.plus("SA_DIR", xfrm.SA_DIR_IN) if sa.mode == IPTFS else made


def with_esn(sa: Association, sent: int = 0, seen: int = 0) -> Association:
    """The same with 64-bit sequence numbers, of which so many were sent and seen before."""
    state = struct.pack(
        "6I", 1, sent & 0xFFFFFFFF, seen & 0xFFFFFFFF, sent >> 32, seen >> 32, xfrm.REPLAY_WINDOW
    )
    return sa._replace(window=0, flags=sa.flags | xfrm.ESN).plus("REPLAY_ESN_VAL", state)


def encapsulated(sa: Association, sport: int = 4500, dport: int = 4500) -> Association:
    """The same, in UDP (UDP_ENCAP_ESPINUDP); ports of the sender and of the receiver."""
    # struct xfrm_encap_tmpl
    ports = struct.pack("H", 2) + struct.pack(">2H", sport, dport)
    return sa.plus("ENCAP", ports + bytes(18))


class Template(Value):
    """What a policy wants to be done to a packet."""

    source: str
    destination: str
    mode: int = TRANSPORT
    protocol: int = ESP
    reqid: int = 0
    # `level use`
    optional: bool = False

    def pack(self) -> bytes:
        """One of XFRMA_TMPL."""
        family = family_of(self.destination)
        return pack(
            messages.Template,
            {
                "id_daddr": socket.inet_pton(family, self.destination),
                "saddr": socket.inet_pton(family, self.source),
                "id_proto": self.protocol,
                "family": family,
                "reqid": self.reqid,
                "mode": self.mode,
                "optional": int(self.optional),
                # any algorithm
                **dict.fromkeys(("aalgos", "ealgos", "calgos"), 0xFFFFFFFF),
            },
        )


class Policy(Value):
    """What is to be done with packets."""

    selector: Selector
    direction: int
    # Without one, packets pass as they are.
    templates: tuple[Template, ...] = ()
    priority: int = 1000
    flags: int = 0
    # XFRM_POLICY_BLOCK
    blocks: bool = False
    more: tuple[tuple[str, bytes], ...] = ()

    def pack(self) -> bytes:
        """The body of NEWPOLICY."""
        fields = {
            **self.selector.fields(),
            **_limits({}),
            "priority": self.priority,
            "dir": self.direction,
            "action": int(self.blocks),
            "flags": self.flags,
        }
        templates = b"".join(template.pack() for template in self.templates)
        own = (("TMPL", templates),) if templates else ()
        return pack(messages.PolicyInfo, fields, (*own, *self.more))


def _limits(given: Mapping[str, int]) -> dict[str, int]:
    names = [f"{kind}_{what}" for what in ("bytes", "packets") for kind in ("soft", "hard")]
    endless = dict.fromkeys(names, _FOR_EVER)
    return {f"lft_{name}": value for name, value in {**endless, **given}.items()}


class Shown(Value):
    """What the kernel shows of an SA, or of a policy."""

    # Fields of struct xfrm_usersa_info, xfrm_userpolicy_info.
    fields: Mapping[str, Any]
    # Attributes by name.
    attributes: Mapping[str, bytes]

    @property
    def packets(self) -> int:
        """How many went through it."""
        return int(self.fields["cur_packets"])

    @property
    def direction(self) -> int:
        """XFRM_SA_DIR_*; 0 if the kernel shows none."""
        return self.attributes.get("SA_DIR", b"\0")[0]


class XfrmSocket(Netlink):
    """Makes SAs and policies in the namespace in which it is opened.

    All methods raise OSError with the kernel's errno; `strerror` is the kernel's own text, or
    empty.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(socket.NETLINK_XFRM)

    def add(self, *what: Association | Policy) -> None:
        """Make them."""
        for each in what:
            kind = NEWSA if isinstance(each, Association) else NEWPOLICY
            self.ask(kind, each.pack())

    def update(self, sa: Association) -> None:
        """Change one that is there."""
        self.ask(UPDSA, sa.pack())

    def show(self, sa: Association) -> Shown:
        """What the kernel made of it."""
        marks = tuple((name, value) for name, value in sa.more if name == "MARK")
        return Shown(*unpack(messages.SaInfo, self.ask(GETSA, _identity(sa, marks), 0)))

    def delete(self, sa: Association) -> None:
        """Remove it."""
        self.ask(DELSA, _identity(sa, ()))

    def reserve(self, sa: Association) -> None:
        """Have the kernel reserve the SA's SPI for it (ALLOCSPI): a larval SA."""
        fields = {**sa._fields_of_sa(), "min": sa.spi, "max": sa.spi}
        self.ask(ALLOCSPI, pack(messages.SpiInfo, fields), 0)

    def clear(self) -> None:
        """Remove all SAs and policies of the namespace."""
        self.ask(FLUSHPOLICY, b"")
        self.ask(FLUSHSA, b"\0" * 4)

    def dump(self) -> list[Shown]:
        """All SAs of the namespace."""
        return self._all(GETSA, messages.SaInfo)

    def policies(self) -> list[Shown]:
        """All policies of the namespace."""
        return self._all(GETPOLICY, messages.PolicyInfo)

    def _all(self, kind: int, shown: type[messages.XfrmMessage]) -> list[Shown]:
        self._sequence += 1
        self._socket.send(message(kind, _NLM_F_DUMP, self._sequence, b""))
        found: list[Shown] = []
        while True:
            data = self._socket.recv(LIMIT)
            while data:
                length, answer, *_ = HEADER.unpack_from(data)
                if answer == _NLMSG_DONE:
                    return found
                found.append(Shown(*unpack(shown, body_of(data[:length]))))
                data = data[length + -length % 4 :]


def _identity(sa: Association, marks: tuple[tuple[str, bytes], ...]) -> bytes:
    family = family_of(sa.destination)
    return pack(
        messages.SaId,
        {
            "daddr": socket.inet_pton(family, sa.destination),
            "spi": sa.spi,
            "family": family,
            "proto": sa.protocol,
        },
        marks,
    )
