# SPDX-License-Identifier: GPL-3.0-or-later
"""XFRM messages as classes of pyroute2, which has none of its own.

Layout: include/uapi/linux/xfrm.h. Only the bytes: what the fields mean is in `states`. The boot
path packs SAs without pyroute2 (`kernel.xfrm`); a test compares both, byte by byte.
"""

import struct

from pyroute2.netlink import nlmsg

from modprobe_ipsec.base.annotations import Any, Mapping
from modprobe_ipsec.kernel.netlink import HEADER
from modprobe_ipsec.kernel.netlink import message as whole

Fields = tuple[tuple[str, str], ...]
# Of 64-bit numbers, to which structs that have them are filled up: 4 bytes on i386, elsewhere 8.
_ALIGNMENT = struct.calcsize("B0Q")


def _named(prefix: str, fields: Fields) -> Fields:
    """The fields of a struct within another."""
    return tuple((f"{prefix}_{name}", kind) for name, kind in fields)


# struct xfrm_selector
_SELECTOR: Fields = (
    ("daddr", "16s"),
    ("saddr", "16s"),
    ("dport", ">H"),
    ("dport_mask", ">H"),
    ("sport", ">H"),
    ("sport_mask", ">H"),
    ("family", "H"),
    ("prefixlen_d", "B"),
    ("prefixlen_s", "B"),
    ("proto", "B"),
    ("pad", "3x"),
    ("ifindex", "i"),
    ("user", "I"),
)
# struct xfrm_id
_ID: Fields = (("daddr", "16s"), ("spi", ">I"), ("proto", "B"), ("pad", "3x"))
# struct xfrm_lifetime_cfg, xfrm_lifetime_cur
_LIMITS: Fields = tuple(
    (name, "Q")
    for name in (
        *("soft_bytes", "hard_bytes", "soft_packets", "hard_packets"),
        *("soft_add_seconds", "hard_add_seconds", "soft_use_seconds", "hard_use_seconds"),
    )
)
_CURRENT: Fields = (("bytes", "Q"), ("packets", "Q"), ("add_time", "Q"), ("use_time", "Q"))
_SA: Fields = (
    *_named("sel", _SELECTOR),
    *_named("id", _ID),
    ("saddr", "16s"),
    *_named("lft", _LIMITS),
    *_named("cur", _CURRENT),
    ("replay_window_drops", "I"),
    ("replays", "I"),
    ("integrity_failed", "I"),
    ("seq", "I"),
    ("reqid", "I"),
    ("family", "H"),
    ("mode", "B"),
    ("replay_window", "B"),
    ("flags", "B"),
    ("end", f"{_ALIGNMENT - 1}x"),
)
_POLICY: Fields = (
    *_named("sel", _SELECTOR),
    *_named("lft", _LIMITS),
    *_named("cur", _CURRENT),
    ("priority", "I"),
    ("index", "I"),
    ("dir", "B"),
    ("action", "B"),
    ("flags", "B"),
    ("share", "B"),
    ("end", f"{_ALIGNMENT - 4}x"),
)

# enum xfrm_attr_type_t; what is behind each is bytes
_ATTRIBUTES = (
    *("UNSPEC", "ALG_AUTH", "ALG_CRYPT", "ALG_COMP", "ENCAP", "TMPL", "SA", "POLICY", "SEC_CTX"),
    *("LTIME_VAL", "REPLAY_VAL", "REPLAY_THRESH", "ETIMER_THRESH", "SRCADDR", "COADDR", "LASTUSED"),
    *("POLICY_TYPE", "MIGRATE", "ALG_AEAD", "KMADDRESS", "ALG_AUTH_TRUNC", "MARK", "TFCPAD"),
    *("REPLAY_ESN_VAL", "SA_EXTRA_FLAGS", "PROTO", "ADDRESS_FILTER", "PAD", "OFFLOAD_DEV"),
    *("SET_MARK", "SET_MARK_MASK", "IF_ID", "MTIMER_THRESH", "SA_DIR", "NAT_KEEPALIVE_INTERVAL"),
    *("SA_PCPU", "IPTFS_DROP_TIME", "IPTFS_REORDER_WINDOW", "IPTFS_DONT_FRAG", "IPTFS_INIT_DELAY"),
    *("IPTFS_MAX_QSIZE", "IPTFS_PKT_SIZE"),
)
# One that no kernel knows, to see what becomes of it.
_UNKNOWN = (200, "XFRMA_no such attribute", "cdata")
_MAP = (
    *((number, f"XFRMA_{name}", "cdata") for number, name in enumerate(_ATTRIBUTES)),
    _UNKNOWN,
)


class XfrmMessage(nlmsg):  # type: ignore[misc]  # pyroute2 has no types
    """What all of them share: attributes that are bytes."""

    __slots__ = ()
    prefix = "XFRMA_"
    nla_map = _MAP


class SaInfo(XfrmMessage):
    """NEWSA, UPDSA, and what GETSA answers."""

    __slots__ = ()
    fields = _SA


class SaId(XfrmMessage):
    """GETSA and DELSA."""

    __slots__ = ()
    fields = (("daddr", "16s"), ("spi", ">I"), ("family", "H"), ("proto", "B"), ("pad", "1x"))


class SpiInfo(XfrmMessage):
    """ALLOCSPI."""

    __slots__ = ()
    fields = (*_SA, ("min", "I"), ("max", "I"))


class PolicyInfo(XfrmMessage):
    """NEWPOLICY."""

    __slots__ = ()
    fields = _POLICY


class Acquire(XfrmMessage):
    """What the kernel sends when it wants an SA."""

    __slots__ = ()
    fields = (
        *_named("id", _ID),
        ("saddr", "16s"),
        *_named("sel", _SELECTOR),
        *_named("policy", _POLICY),
        ("aalgos", "I"),
        ("ealgos", "I"),
        ("calgos", "I"),
        ("seq", "I"),
    )


class Expire(XfrmMessage):
    """What it sends at the end of an SA's life."""

    __slots__ = ()
    fields = (*_SA, ("hard", "B"), ("last", f"{_ALIGNMENT - 1}x"))


class Mapped(XfrmMessage):
    """What it sends when a peer behind a NAT has another port."""

    __slots__ = ()
    fields = (
        *_named("id", SaId.fields),
        ("reqid", "I"),
        ("old_saddr", "16s"),
        ("new_saddr", "16s"),
        ("old_sport", ">H"),
        ("new_sport", ">H"),
    )


class Template(XfrmMessage):
    """One of XFRMA_TMPL."""

    __slots__ = ()
    fields = (
        *_named("id", _ID),
        ("family", "H"),
        ("pad", "2x"),
        ("saddr", "16s"),
        ("reqid", "I"),
        ("mode", "B"),
        ("share", "B"),
        ("optional", "B"),
        ("pad1", "1x"),
        ("aalgos", "I"),
        ("ealgos", "I"),
        ("calgos", "I"),
    )


def pack(
    kind: type[XfrmMessage],
    fields: Mapping[str, Any],
    attributes: tuple[tuple[str, bytes], ...] = (),
) -> bytes:
    """The body of a message; fields that are not named are zero.

    `attributes` are in their order, by name: ("IF_ID", b"...").
    """
    message = kind()
    # bytes have no zero of their own
    texts = {name: b"" for name, form in kind.fields if form.endswith("s")}
    message.update(texts | dict(fields))
    message["attrs"] = [(f"XFRMA_{name}", value) for name, value in attributes]
    message.encode()
    # `kernel.netlink` writes a header of its own
    return bytes(message.data[HEADER.size :])


def unpack(kind: type[XfrmMessage], body: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The fields of a message, and its attributes by name; those without a name are left out."""
    message = kind(whole(0, 0, 0, body))
    message.decode()
    fields = {name: message[name] for name, form in kind.fields if not form.endswith("x")}
    return fields, {name.removeprefix("XFRMA_"): bytes(value) for name, value in message["attrs"]}
