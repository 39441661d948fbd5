# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of NETLINK_XFRM -> signs. Pure.

Not pyroute2's: its import alone takes more memory than all of the watch.
Layout: include/uapi/linux/xfrm.h. Addresses are cut to their family's length.
"""

import struct

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.kernel.netlink import HEADER, attributes
from modprobe_ipsec.kernel.xfrm import DELSA, NEWSA, USERSA_ID, USERSA_INFO
from modprobe_ipsec.watch.signs import (
    Acquired,
    Flushed,
    MappingChanged,
    SaExpired,
    SaGone,
    SaMade,
    SaName,
    Sign,
    shown,
)

ACQUIRE, EXPIRE, UPDSA, FLUSHSA, FLUSHPOLICY, MAPPING = 23, 24, 26, 28, 29, 38

# Of AF_INET and AF_INET6.
_LENGTHS = {2: 4, 10: 16}
_XFRMA_SA = 6
# Where struct xfrm_lifetime_cur stands in struct xfrm_usersa_info.
_CURRENT = 56 + 24 + 16 + 64
# struct xfrm_selector: destination, source, destination port, masks and source port, family,
# prefix lengths, protocol
_SELECTOR = struct.Struct("16s16s2s6xH2xB")
# struct xfrm_user_acquire up to its policy: destination, SPI, protocol, source, selector
_ACQUIRE = struct.Struct("16s4sB3x16s56s")
# struct xfrm_user_mapping: id, reqid, old and new source with ports
_MAPPING = struct.Struct("24sI16s16s2s2s")
_FLOWS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}
_WITH_PORTS = (6, 17, 132)


def signs(data: bytes) -> Iterator[Sign]:
    """What the messages in one datagram tell; those of other kinds, and cut ones, nothing."""
    while len(data) >= HEADER.size:
        length, kind, _, _, port = HEADER.unpack_from(data)
        if not HEADER.size <= length <= len(data):
            return
        try:
            found = _sign(kind, data[HEADER.size : length], port)
        except (struct.error, IndexError):
            # shorter than the kernel makes them
            found = None
        if found:
            yield found
        data = data[length + -length % 4 :]


def listed(body: bytes, time: float) -> SaMade | None:
    """An SA as a dump shows it, at a time in seconds since 1970."""
    try:
        made = _made(body, listed=True)
        # bytes, packets, and when it was made
        (made_at,) = struct.unpack_from("16xQ", body, _CURRENT)
    except struct.error:
        return None
    return made._replace(age=max(0.0, time - made_at)) if made else None


def _sign(kind: int, body: bytes, port: int) -> Sign | None:
    if kind in (NEWSA, UPDSA):
        return _made(body, listed=False)
    if kind == DELSA:
        # the SA itself stands in an attribute: the head does not know its source
        gone = _made(attributes(body[USERSA_ID.size :]).get(_XFRMA_SA, b""), listed=False)
        return SaGone(gone.sa) if gone else None
    if kind == EXPIRE:
        made = _made(body, listed=False)
        return SaExpired(made.sa) if made and body[USERSA_INFO.size] else None
    if kind == ACQUIRE:
        return _acquired(body)
    if kind == FLUSHSA:
        return Flushed("SAs", body[0], port)
    if kind == FLUSHPOLICY:
        return Flushed("policies", by=port)
    return _mapped(body) if kind == MAPPING else None


def _made(body: bytes, *, listed: bool) -> SaMade | None:
    _, destination, spi, protocol, source, *rest = USERSA_INFO.unpack_from(body)
    _, statistics, _, _, family, *_ = rest[8:]
    if family not in _LENGTHS:
        return None
    length = _LENGTHS[family]
    sa = SaName(source[:length], destination[:length], protocol, int.from_bytes(spi, "big"))
    late, replayed, wrong = struct.unpack("3I", statistics)
    return SaMade(sa, (late, replayed, wrong), listed)


def _acquired(body: bytes) -> Acquired | None:
    destination, _, protocol, source, selector = _ACQUIRE.unpack_from(body)
    to, of, port, family, proto = _SELECTOR.unpack_from(selector)
    if family not in _LENGTHS:
        return None
    # the tunnel may be of another family than what goes through it, and nothing says so
    outer = 16 if any(destination[4:]) else 4
    inner = _LENGTHS[family]
    flow = f"{_FLOWS.get(proto, f'protocol {proto}')} {shown(of[:inner])} -> {shown(to[:inner])}"
    if proto in _WITH_PORTS:
        flow += f" port {int.from_bytes(port, 'big')}"
    return Acquired(source[:outer], destination[:outer], protocol, flow)


def _mapped(body: bytes) -> MappingChanged | None:
    head, _, old, new, old_port, new_port = _MAPPING.unpack_from(body)
    destination, spi, family, protocol = USERSA_ID.unpack(head)
    if family not in _LENGTHS:
        return None
    length = _LENGTHS[family]
    old, new = old[:length], new[:length]
    sa = SaName(old, destination[:length], protocol, int.from_bytes(spi, "big"))
    ports = int.from_bytes(old_port, "big"), int.from_bytes(new_port, "big")
    return MappingChanged(sa, (old, ports[0]), (new, ports[1]))
