# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of network cards that are switched on or off, as ethtool's own notifications tell.

source: include/uapi/linux/ethtool_netlink.h, genetlink.h; net/ethtool/netlink.c ethnl_netdev_event
"""

import struct

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.kernel.netlink import HEADER, Netlink, attribute, attributes
from modprobe_ipsec.watch.core import Core
from modprobe_ipsec.watch.signs import CardsChanged, Sign
from modprobe_ipsec.watch.witnesses._listener import Listener

ABOUT = "features of network cards"
RANK = 0

_NETLINK_GENERIC = 16
# GENL_ID_CTRL, CTRL_CMD_GETFAMILY; CTRL_ATTR_FAMILY_NAME, _MCAST_GROUPS; of a group: name and id
_CONTROL, _GET_FAMILY = 16, 3
_NAME, _GROUPS, _GROUP_NAME, _GROUP_ID = 2, 7, 1, 2
# struct genlmsghdr: command, version
_HEAD = struct.Struct("BB2x")
# ETHTOOL_MSG_FEATURES_NTF
_CHANGED = 13
_ROOM = 1 << 16


class Features:
    """The multicast group `monitor` of ethtool."""

    __slots__ = ("_listener",)

    def __init__(self) -> None:
        self._listener = Listener(_NETLINK_GENERIC, (_group(),), _ROOM)

    def fileno(self) -> int:
        return self._listener.fileno()

    def close(self) -> None:
        self._listener.close()

    def see(self, now: float) -> Iterator[Sign]:
        changed = self._listener.overflowed
        for data in self._listener.heard():
            changed |= data[HEADER.size : HEADER.size + 1] == bytes((_CHANGED,))
        self._listener.overflowed = False
        if changed:
            # whose, and which, the next look says
            yield CardsChanged()


def _group() -> int:
    """The number of the group. Raises OSError where the kernel has no such thing."""
    with Netlink(_NETLINK_GENERIC) as netlink:
        request = _HEAD.pack(_GET_FAMILY, 1) + attribute(_NAME, b"ethtool\0")
        told = attributes(netlink.ask(_CONTROL, request, 0)[_HEAD.size :])
    for group in attributes(told.get(_GROUPS, b"")).values():
        about = attributes(group)
        if about.get(_GROUP_NAME) == b"monitor\0":
            return int(struct.unpack("I", about[_GROUP_ID])[0])
    raise OSError(0, "the kernel does not tell of them")


def start(core: Core) -> Features:
    return Features()
