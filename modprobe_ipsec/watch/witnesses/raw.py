# SPDX-License-Identifier: GPL-3.0-or-later
"""ESP and AH with an unknown SPI, by raw sockets: where there is no packet socket. They see no ESP
in UDP.

An `in` policy would drop their copies, and count that as an error, so that they ask to be left
alone.
"""

# `socket` without its enumerations
import _socket as socket
import select
import struct

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.watch.core import Core
from modprobe_ipsec.watch.packets import SNAP, behind, parse, raw_filter
from modprobe_ipsec.watch.signs import AH, ESP, Sign, Stray
from modprobe_ipsec.watch.witnesses._filter import Filter
from modprobe_ipsec.watch.witnesses._listener import enlarge

ABOUT = "packets with an unknown SPI, by raw sockets: without ESP in UDP"
RANK = 3

# include/uapi/linux/in.h, in6.h; struct xfrm_userpolicy_info of a socket's own policy that asks for
# nothing: family, direction and action (allow), at their places
_IP_XFRM_POLICY, _IPV6_XFRM_POLICY = 17, 35
_POLICY_SIZE, _FAMILY_AT, _DIRECTION_AT = 168, 40, 160
_IPV6_RECVPKTINFO, _IPV6_PKTINFO = 49, 50
_IN, _OUT = 0, 1
_ROOM = 1 << 20
_MOST, _PAUSE = 500, 0.1


class Raw:
    """Sockets of both protocols and families."""

    __slots__ = ("_any", "_core", "_filters", "_next", "_sockets")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._sockets: list[tuple[socket.socket, int, bool]] = []
        self._filters: list[Filter] = []
        self._next = 0.0
        # readable as soon as one of them is
        self._any = select.epoll()
        try:
            for family in (socket.AF_INET, socket.AF_INET6):
                for protocol in (ESP, AH):
                    self._open(family, protocol)
        except OSError:
            self.close()
            raise

    def _open(self, family: int, protocol: int) -> None:
        six = family == socket.AF_INET6
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        try:
            made = socket.socket(family, kind, protocol)
        except OSError:
            if six:
                # no IPv6 here
                return
            raise
        self._sockets.append((made, protocol, six))
        self._any.register(made.fileno(), select.EPOLLIN)
        made_filter = Filter(made, lambda known: raw_filter(protocol, six, known))
        made_filter.set(())
        self._filters.append(made_filter)
        enlarge(made, _ROOM)
        level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
        option = _IPV6_XFRM_POLICY if six else _IP_XFRM_POLICY
        for direction in (_IN, _OUT):
            policy = bytearray(_POLICY_SIZE)
            struct.pack_into("H", policy, _FAMILY_AT, family)
            policy[_DIRECTION_AT] = direction
            made.setsockopt(level, option, bytes(policy))
        if six:
            made.setsockopt(level, _IPV6_RECVPKTINFO, 1)

    def fileno(self) -> int:
        return self._any.fileno()

    def close(self) -> None:
        self._any.close()
        for made, _, _ in self._sockets:
            made.close()

    def see(self, now: float) -> Iterator[Sign]:
        if self._core.sas.changed:
            self._core.sas.changed = False
            for each in self._filters:
                each.set(self._core.sas.spis())
        if now < self._next:
            return
        full = False
        for made, protocol, six in self._sockets:
            for _ in range(_MOST):
                try:
                    data, more, _, sender = made.recvmsg(SNAP, 64)
                except OSError:
                    break
                stray = _behind(data, protocol, sender, more) if six else parse(data)
                if stray:
                    yield stray
            else:
                full = True
        if full:
            self._next = now + _PAUSE


def _behind(data: bytes, protocol: int, sender: object, more: object) -> Stray | None:
    """IPv6: the addresses come beside the packet."""
    source = destination = b""
    if isinstance(sender, tuple):
        source = socket.inet_pton(socket.AF_INET6, sender[0].partition("%")[0])
    if isinstance(more, list):
        for _, kind, about in more:
            if kind == _IPV6_PKTINFO:
                destination = about[:16]
    return behind(data, protocol, source, destination) if source and destination else None


def start(core: Core) -> Raw:
    return Raw(core)
