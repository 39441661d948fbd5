# SPDX-License-Identifier: GPL-3.0-or-later
"""Two network namespaces with a veth pair between them, and sockets in each.

Nothing of it has a name: both go with the process, and with whatever it left open.
"""

import ctypes
import os
import socket
import time
from contextlib import contextmanager, suppress

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from modprobe_ipsec.base.annotations import Callable, Iterator
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.kernel import namespace

# For documentation: RFC 5737, RFC 3849. Outside is the wire, inside are networks behind both hosts.
_OUTSIDE = {Family.IPV4: ("192.0.2.%d", 24), Family.IPV6: ("2001:db8::%d", 64)}
_INSIDE = {
    Family.IPV4: (("198.51.100.%d", 24), ("203.0.113.%d", 24)),
    Family.IPV6: (("2001:db8:a::%d", 64), ("2001:db8:b::%d", 64)),
}
_AF = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_IFA_F_NODAD = 2
_NUD_PERMANENT = 0x80
# include/uapi/linux/udp.h
_UDP_ENCAP, _ESPINUDP = 100, 2
# How long devices may take to see each other (seconds).
_LINK_UP = 5.0
# As long as the kernel may take to bring a packet from one host to the other; crypto that is done
# elsewhere needs some of it (seconds).
PATIENCE = 0.02
# And so often it is looked for at least: a machine that is busy may have no time for us in between.
_LOOKS = 20


class LabHost(Value):
    """One of the two hosts."""

    # a or b: also the name of its device.
    name: str
    number: int
    # Its namespace, as an open file.
    namespace: int
    # Its device.
    device: int

    @property
    def mac(self) -> bytes:
        """Of its device."""
        return bytes((2, 0, 0, 0, 0, self.number))

    def outside(self, family: Family) -> str:
        """Its address on the wire."""
        return _OUTSIDE[family][0] % self.number

    def inside(self, family: Family, number: int = 1) -> str:
        """An address of the network behind it; the host itself has number 1."""
        return _INSIDE[family][self.number - 1][0] % number

    def network(self, family: Family) -> str:
        """The network behind it: 198.51.100.0/24."""
        form, length = _INSIDE[family][self.number - 1]
        return f"{form.replace('%d', '0' if family is Family.IPV4 else '')}/{length}"


class Network:
    """The two hosts, `a` and `b`. Moves the calling process, which must have one thread, into `a`.

    `families` are those that this kernel has. Raises OSError where it may not be made.
    """

    __slots__ = ("_with_interface", "a", "b", "families")

    def __init__(self) -> None:
        namespace.enter()
        here = _namespace()
        _unshare()
        there = _namespace()
        self.families = tuple(family for family in Family if _has(family))
        _set(here)
        macs = [f"02:00:00:00:00:0{number}" for number in (1, 2)]
        with _told(), IPRoute() as route:
            peer = {"ifname": "b", "address": macs[1], "net_ns_fd": there}
            route.link("add", ifname="a", kind="veth", address=macs[0], peer=peer)
        self.a, self.b = (
            self._host(name, number, place, macs[2 - number])
            for name, number, place in (("a", 1, here), ("b", 2, there))
        )
        for host in (self.b, self.a):
            _set(host.namespace)
            with IPRoute() as route:
                _wait_for(route, host)
        self._with_interface: list[LabHost] = []

    def _host(self, name: str, number: int, place: int, other_mac: str) -> "LabHost":
        _set(place)
        with _told(), IPRoute() as route:
            (index,) = route.link_lookup(ifname=name)
            (loopback,) = route.link_lookup(ifname="lo")
            host = LabHost(name, number, place, index)
            other = LabHost("", 3 - number, 0, 0)
            for device in (loopback, index):
                route.link("set", index=device, state="up")
            for family in self.families:
                length = _OUTSIDE[family][1]
                here, there = host.outside(family), other.outside(family)
                # duplicates are looked for in seconds, and that by packets
                flags = _IFA_F_NODAD if family is Family.IPV6 else 0
                alone = 128 if family is Family.IPV6 else 32
                route.addr("add", index=index, address=here, prefixlen=length, flags=flags)
                for inside in (host.inside(family), host.inside(family, 2)):
                    route.addr("add", index=loopback, address=inside, prefixlen=alone, flags=flags)
                route.neigh("add", dst=there, lladdr=other_mac, ifindex=index, state=_NUD_PERMANENT)
                route.route("add", dst=other.network(family), gateway=there, oif=index)
        return host

    @contextmanager
    def at(self, host: LabHost) -> Iterator[None]:
        """Sockets that are opened inside, and /proc/self/net, are that host's."""
        _set(host.namespace)
        try:
            yield
        finally:
            _set(self.a.namespace)

    def other(self, host: LabHost) -> LabHost:
        """The one at the other end."""
        return self.b if host is self.a else self.a

    def udp(self, host: LabHost, address: str, port: int) -> socket.socket:
        """A UDP socket of a host, which does not wait."""
        with self.at(host):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            made = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            made.bind((address, port))
        return made

    def encapsulation(self, host: LabHost, family: Family, port: int = 4500) -> socket.socket:
        """A UDP socket on whose port the host unpacks ESP."""
        made = self.udp(host, host.outside(family), port)
        made.setsockopt(socket.IPPROTO_UDP, _UDP_ENCAP, _ESPINUDP)
        return made

    def interfaces(self, if_id: int) -> None:
        """XFRM interfaces, through which each host reaches the second one of the other network.

        They stay. Raises OSError where the kernel has none.
        """
        for host in (self.a, self.b):
            if host not in self._with_interface:
                self._interface(host, if_id)
                self._with_interface.append(host)

    def _interface(self, host: LabHost, if_id: int) -> None:
        other = self.other(host)
        with self.at(host), _told(), IPRoute() as route:
            route.link(
                "add", ifname="x", kind="xfrm", xfrm_link=host.device, xfrm_if_id=if_id, state="up"
            )
            (index,) = route.link_lookup(ifname="x")
            for family in self.families:
                length = 128 if family is Family.IPV6 else 32
                route.route("add", dst=f"{other.inside(family, 2)}/{length}", oif=index)

    def set(self, host: LabHost, path: str, value: str) -> None:
        """Write a value below /proc/sys, of a host's own. Raises OSError."""
        with self.at(host), open(f"/proc/sys/{path}", "w") as file:  # noqa: PTH123
            file.write(value)


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether it comes true within that time, or within some looks: time alone may pass elsewhere.

    With no time it looks once.
    """
    end = time.monotonic() + seconds
    looks = _LOOKS if seconds else 1
    while not condition():
        looks -= 1
        if looks <= 0 and time.monotonic() >= end:
            return False
        time.sleep(0.0005)
    return True


def received(made: socket.socket, seconds: float = PATIENCE) -> bytes | None:
    """The next message of a socket; None if none comes in that time."""
    found: list[bytes] = []

    def look() -> bool:
        with suppress(BlockingIOError):
            found.append(made.recv(65536))
        return bool(found)

    return found[0] if until(look, seconds) else None


@contextmanager
def _told() -> Iterator[None]:
    """Makes pyroute2's own errors OSErrors."""
    try:
        yield
    except NetlinkError as error:
        raise OSError(error.code, os.strerror(error.code)) from None


def _wait_for(route: IPRoute, host: LabHost) -> None:
    """Until its device takes packets: some time after the other end came up (linkwatch)."""

    def carries() -> bool:
        (link,) = route.link("get", index=host.device)
        return bool(link.get("operstate") == "UP")

    until(carries, _LINK_UP)


def _has(family: Family) -> bool:
    try:
        socket.socket(_AF[family], socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True


def _namespace() -> int:
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


_libc = ctypes.CDLL(None, use_errno=True)


def _unshare() -> None:
    _check(_libc.unshare(namespace.NEWNET))


def _set(place: int) -> None:
    _check(_libc.setns(place, namespace.NEWNET))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
