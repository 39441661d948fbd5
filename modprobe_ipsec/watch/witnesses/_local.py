# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses are this host's own: a router forwards the ESP of others."""

# `socket` without its enumerations
import _socket as socket

from modprobe_ipsec.kernel.netlink import Netlink, attributes

_RTM_GETADDR = 22
# struct ifaddrmsg, and its attributes for address and local address
_HEAD, _ADDRESS, _LOCAL = 8, 1, 2
_PATIENCE = 2.0
# Asked again so often, if one is not known (seconds).
_AGAIN = 1.0
_MOST = 65536


class LocalAddresses:
    """The addresses of all interfaces, listed when one is not known."""

    __slots__ = ("_known", "_next")

    def __init__(self) -> None:
        self._known: set[bytes] = set()
        self._next = 0.0

    def has(self, address: bytes, now: float) -> bool:
        """Whether it is ours. What cannot be found out is taken for ours."""
        if address not in self._known and now >= self._next:
            self._next = now + _AGAIN
            try:
                self._known = _listed()
            except OSError:
                return True
        return address in self._known


def _listed() -> set[bytes]:
    found: set[bytes] = set()
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        for body in netlink.list(_RTM_GETADDR, bytes(_HEAD), _PATIENCE):
            told = attributes(body[_HEAD:])
            if len(found) < _MOST and (own := told.get(_LOCAL) or told.get(_ADDRESS)):
                found.add(own)
    return found
