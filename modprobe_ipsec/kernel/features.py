# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the kernel for features that are no SAs, in the throw-away namespace of the process."""

# `socket` without its enumerations, which take longer to make than an answer takes
import _socket as socket
import struct

from modprobe_ipsec.catalog.model import Family, KernelInterface
from modprobe_ipsec.kernel.netlink import NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, Netlink, attribute
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed

# include/uapi/linux/{rtnetlink,if_link}.h
_RTM_NEWLINK, _RTM_DELLINK = 16, 17
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_INFO_KIND, _IFLA_INFO_DATA = 3, 18, 1, 2
_IFLA_XFRM_LINK, _IFLA_XFRM_IF_ID = 1, 2
_LOOPBACK = 1

# Asked by opening its socket.
PF_KEY = "af_key"
# Link kinds by feature and family.
_KINDS = {
    ("xfrm_interface", None): "xfrm",
    ("ip_vti", Family.IPV4): "vti",
    ("ip_vti", Family.IPV6): "vti6",
}


def askable(need: FeatureNeed) -> bool:
    """Whether a question to the kernel tells. The sockets are opened before anything is asked."""
    return need.feature in ("xfrm_socket", PF_KEY) or (need.feature, need.family) in _KINDS


def goes_by_pf_key(need: AnyNeed) -> bool:
    """Whether a PF_KEY socket is asked, and not XFRM's."""
    if isinstance(need, FeatureNeed):
        return need.feature == PF_KEY
    return need.interface is KernelInterface.PF_KEY


def ask(need: FeatureNeed, number: int) -> None:
    """Make what the feature is about, and take it away: the namespace may live on.

    `number` tells names apart. Raises OSError with the kernel's errno and its text, if it has one.
    """
    kind = _KINDS.get((need.feature, need.family))
    if kind is None:
        return
    with Netlink(socket.NETLINK_ROUTE) as route:
        name = attribute(_IFLA_IFNAME, f"ipsec-test{number}".encode() + b"\0")
        route.ask(_RTM_NEWLINK, _new_link(kind, name), NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL)
        route.ask(_RTM_DELLINK, bytes(16) + name, NLM_F_ACK)


def _new_link(kind: str, name: bytes) -> bytes:
    info = attribute(_IFLA_INFO_KIND, kind.encode())
    if kind == "xfrm":
        info += attribute(
            _IFLA_INFO_DATA,
            attribute(_IFLA_XFRM_LINK, struct.pack("I", _LOOPBACK))
            + attribute(_IFLA_XFRM_IF_ID, struct.pack("I", 1)),
        )
    # ifinfomsg: all zero is a new link
    return bytes(16) + name + attribute(_IFLA_LINKINFO, info)
