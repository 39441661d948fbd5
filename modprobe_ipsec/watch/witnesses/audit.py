# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets with an unknown SPI, as the audit subsystem tells of them: in every network namespace.

Only where audit is switched on already, and whoever listens may know so (CAP_AUDIT_CONTROL to ask,
CAP_AUDIT_READ to listen). It does not say whether it was ESP or AH.
source: include/uapi/linux/audit.h, kernel/audit.c, net/xfrm/xfrm_state.c xfrm_audit_state_notfound
"""

import struct

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.kernel.netlink import HEADER, Netlink
from modprobe_ipsec.watch.core import Core
from modprobe_ipsec.watch.packets import parse_audit
from modprobe_ipsec.watch.signs import Sign, StrayCount
from modprobe_ipsec.watch.witnesses._listener import Listener

ABOUT = "packets with an unknown SPI, by audit events"
RANK = 1

_NETLINK_AUDIT, _READLOG = 9, 1
_AUDIT_GET, _MAC_IPSEC_EVENT = 1000, 1415
_ENABLED = 1
_ROOM = 1 << 20
# As for packets.
_PAUSE = 0.1


class Audit:
    """The multicast group of audit."""

    __slots__ = ("_listener", "_next")

    def __init__(self) -> None:
        self._listener = Listener(_NETLINK_AUDIT, (_READLOG,), _ROOM)
        self._next = 0.0

    def fileno(self) -> int:
        return self._listener.fileno()

    def close(self) -> None:
        self._listener.close()

    def see(self, now: float) -> Iterator[Sign]:
        if now < self._next:
            return
        read = 0
        for data in self._listener.heard():
            read += 1
            _, kind, *_ = HEADER.unpack_from(data)
            # the length that the kernel writes here leaves out the header
            if kind == _MAC_IPSEC_EVENT and (stray := parse_audit(data[HEADER.size :])):
                yield stray
        if read >= 500:
            self._next = now + _PAUSE
        if self._listener.overflowed:
            self._listener.overflowed = False
            # how many, nobody says
            yield StrayCount(1)


def start(core: Core) -> Audit:
    with Netlink(_NETLINK_AUDIT) as netlink:
        _, enabled = struct.unpack_from("II", netlink.ask(_AUDIT_GET, b"", 0))
    if not enabled & _ENABLED:
        raise OSError(0, "audit is switched off")
    return Audit()
