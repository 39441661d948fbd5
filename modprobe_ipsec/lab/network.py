# SPDX-License-Identifier: GPL-3.0-or-later
"""Two network namespaces with a veth pair between them, and sockets in each.

Nothing of it has a name: both go with the process, and with whatever it left open.
"""

import ctypes
import errno
import os
import select
import socket
import struct
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
# The length of one address.
_ALONE = {Family.IPV4: 32, Family.IPV6: 128}
_AF = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_IFA_F_NODAD = 2
_NUD_PERMANENT = 0x80
# include/uapi/linux/udp.h
_UDP_ENCAP, _ESPINUDP = 100, 2
# How long that may take which has to come (seconds): no answer is to depend on how fast a machine
# is, or how busy.
COMES = 5.0
# And so often it is looked for at least: a machine that stood still has had no time for it either.
_LOOKS = 20
_NOBODY = "02:00:00:00:00:03"
# For experiments (IEEE 802): no host takes it for anything.
_MARK = 0x88B5
_MARK_NUMBER = struct.Struct("I")


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

    And keeps it on one CPU, each of which has queues of its own: packets stay in their order.
    `families` are those that this kernel has. Raises OSError where it may not be made.
    """

    __slots__ = ("_marks", "_with_interface", "a", "b", "families")

    def __init__(self) -> None:
        _stay_on_this_cpu()
        namespace.enter()
        here = _namespace()
        _unshare()
        there = _namespace()
        self.families = tuple(family for family in Family if _has(family))
        move(here)
        macs = [f"02:00:00:00:00:0{number}" for number in (1, 2)]
        with _told(), IPRoute() as route:
            peer = {"ifname": "b", "address": macs[1], "net_ns_fd": there}
            route.link("add", ifname="a", kind="veth", address=macs[0], peer=peer)
        self.a, self.b = (
            self._host(name, number, place, macs[2 - number])
            for name, number, place in (("a", 1, here), ("b", 2, there))
        )
        self._with_interface: list[LabHost] = []
        at_a, at_b = self._marker(self.a), self._marker(self.b)
        self._marks = _Marks(at_a, at_b, self.b), _Marks(at_b, at_a, self.a)
        for marks in self._marks:
            marks.wait_for_link()

    def _marker(self, host: LabHost) -> socket.socket:
        with self.at(host):
            kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
            made = socket.socket(socket.AF_PACKET, kind, socket.htons(_MARK))
            made.bind((host.name, _MARK))
        return made

    def _host(self, name: str, number: int, place: int, other_mac: str) -> "LabHost":
        move(place)
        with _told(), IPRoute() as route:
            index, loopback = socket.if_nametoindex(name), socket.if_nametoindex("lo")
            host = LabHost(name, number, place, index)
            other = LabHost("", 3 - number, 0, 0)
            for device in (loopback, index):
                route.link("set", index=device, state="up")
            for family in self.families:
                there = other.outside(family)
                _add_address(route, index, host.outside(family), _OUTSIDE[family][1])
                _add_address(route, loopback, host.inside(family), _ALONE[family])
                route.neigh("add", dst=there, lladdr=other_mac, ifindex=index, state=_NUD_PERMANENT)
                route.route("add", dst=other.network(family), gateway=there, oif=index)
        return host

    @contextmanager
    def at(self, host: LabHost) -> Iterator[None]:
        """Sockets that are opened inside, and /proc/self/net, are that host's."""
        move(host.namespace)
        try:
            yield
        finally:
            move(self.a.namespace)

    def other(self, host: LabHost) -> LabHost:
        """The one at the other end."""
        return self.b if host is self.a else self.a

    def settle(self) -> None:
        """Wait until each host has seen to what the other has sent so far, and has told of it.

        A frame of no protocol goes the same way behind it. Only what is decrypted elsewhere, or
        comes out of an SA, takes a turn more: where a packet may arrive, wait for it (`received`).
        Raises OSError if nothing at all arrives.
        """
        for marks in self._marks:
            marks.follow()

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
        """XFRM interfaces, through which each host reaches a second address of the other one.

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
            index, loopback = socket.if_nametoindex("x"), socket.if_nametoindex("lo")
            for family in self.families:
                _add_address(route, loopback, host.inside(family, 2), _ALONE[family])
                route.route("add", dst=f"{other.inside(family, 2)}/{_ALONE[family]}", oif=index)

    def forward(self, host: LabHost, family: Family) -> str:
        """Make a host a router for the third of the network behind it; that one's address.

        It is on the same wire, and hears nothing: what is sent to it shows on the wire.
        """
        there = host.inside(family, 3)
        name = "net/ipv4/ip_forward" if family is Family.IPV4 else "net/ipv6/conf/all/forwarding"
        self.set(host, name, "1")
        with self.at(host), _told(), IPRoute() as route:
            mac, device = _NOBODY, host.device
            route.route("add", dst=f"{there}/{_ALONE[family]}", oif=device)
            route.neigh("add", dst=there, lladdr=mac, ifindex=device, state=_NUD_PERMANENT)
        return there

    def set(self, host: LabHost, path: str, value: str) -> None:
        """Write a value below /proc/sys, of a host's own. Raises OSError."""
        with self.at(host), open(f"/proc/sys/{path}", "w") as file:  # noqa: PTH123
            file.write(value)


def until(condition: Callable[[], bool], seconds: float = COMES) -> bool:
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


def received(made: socket.socket, seconds: float = COMES) -> bytes | None:
    """The next message of a socket; None if none comes in that time.

    With no time, it is there already or it does not come: see `Network.settle`.
    """
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


def _add_address(route: IPRoute, device: int, address: str, length: int) -> None:
    # duplicates are looked for in seconds, and that by packets
    flags = _IFA_F_NODAD if ":" in address else 0
    route.addr("add", index=device, address=address, prefixlen=length, flags=flags)


class _Marks:
    """Numbered frames of no protocol, which a host sends behind its packets."""

    __slots__ = ("_number", "_receiver", "_sender", "_to")

    def __init__(self, sender: socket.socket, receiver: socket.socket, to: LabHost) -> None:
        self._sender, self._receiver, self._number = sender, receiver, 0
        device, protocol, *_ = sender.getsockname()
        self._to = (device, protocol, 0, 0, to.mac)

    def wait_for_link(self) -> None:
        """Until one arrives: the other end has been up for some time then (linkwatch)."""

        def passes() -> bool:
            self._send()
            return bool(self._arrived(0.001))

        self._check(until(passes))

    def follow(self) -> None:
        """Until one has arrived that is sent now. Raises OSError if nothing does."""
        self._send()
        self._check(until(lambda: self._number in self._arrived(0.01)))

    def _send(self) -> None:
        self._number += 1
        self._sender.sendto(_MARK_NUMBER.pack(self._number), self._to)

    def _arrived(self, seconds: float) -> list[int]:
        found: list[int] = []
        if select.select([self._receiver], [], [], seconds)[0]:
            with suppress(BlockingIOError):
                while True:
                    found += _MARK_NUMBER.unpack_from(self._receiver.recv(64))
        return found

    def _check(self, arrived: bool) -> None:
        if not arrived:
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


def _has(family: Family) -> bool:
    try:
        socket.socket(_AF[family], socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True


def _namespace() -> int:
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


_libc = ctypes.CDLL(None, use_errno=True)


def _stay_on_this_cpu() -> None:
    # it may be forbidden; there is no other CPU in most guests
    with suppress(OSError):
        os.sched_setaffinity(0, {_libc.sched_getcpu()})


def _unshare() -> None:
    _check(_libc.unshare(namespace.NEWNET))


def move(place: int) -> None:
    """Go into an open network namespace. Raises OSError."""
    _check(_libc.setns(place, namespace.NEWNET))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
