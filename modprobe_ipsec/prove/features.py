# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the kernel for features that are no SAs, in the throw-away namespace of the process."""

import socket
import struct

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.demand.need import FeatureNeed
from modprobe_ipsec.prove.netlink import Netlink

# include/uapi/linux/{netlink,rtnetlink,if_link}.h
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_EXCL, _NLM_F_CREATE = 1, 4, 0x200, 0x400
_NLMSG_ERROR, _RTM_NEWLINK = 2, 16
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_INFO_KIND, _IFLA_INFO_DATA = 3, 18, 1, 2
_IFLA_XFRM_LINK, _IFLA_XFRM_IF_ID = 1, 2
_LOOPBACK = 1

# Link kinds by feature and family.
_KINDS = {
    ("xfrm_interface", None): "xfrm",
    ("ip_vti", Family.IPV4): "vti",
    ("ip_vti", Family.IPV6): "vti6",
}


def askable(need: FeatureNeed) -> bool:
    """Whether a question to the kernel tells. The XFRM socket is opened before anything else."""
    return need.feature == "xfrm_socket" or (need.feature, need.family) in _KINDS


def ask(need: FeatureNeed, number: int) -> None:
    """Make what the feature is about; it goes with the namespace.

    `number` tells names apart. Raises OSError with the kernel's errno and its text, if it has one.
    """
    kind = _KINDS.get((need.feature, need.family))
    if kind is None:
        return
    with Netlink(socket.NETLINK_ROUTE) as route:
        answer = route.ask(_new_link(kind, f"ipsec-test{number}"))
    (error,) = struct.unpack_from("i", answer, 16)
    if struct.unpack_from("H", answer, 4)[0] == _NLMSG_ERROR and error:
        # the text would stand behind the request's header; errno says enough about a link
        raise OSError(-error, "")


def _new_link(kind: str, name: str) -> bytes:
    info = _attribute(_IFLA_INFO_KIND, kind.encode())
    if kind == "xfrm":
        info += _attribute(
            _IFLA_INFO_DATA,
            _attribute(_IFLA_XFRM_LINK, struct.pack("I", _LOOPBACK))
            + _attribute(_IFLA_XFRM_IF_ID, struct.pack("I", 1)),
        )
    # ifinfomsg: all zero is a new link
    body = bytes(16) + _attribute(_IFLA_IFNAME, name.encode() + b"\0")
    body += _attribute(_IFLA_LINKINFO, info)
    flags = _NLM_F_REQUEST | _NLM_F_ACK | _NLM_F_CREATE | _NLM_F_EXCL
    return struct.pack("IHHII", 16 + len(body), _RTM_NEWLINK, flags, 1, 0) + body


def _attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)
