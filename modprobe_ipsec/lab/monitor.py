# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells key managers by itself."""

import socket
from contextlib import suppress

from modprobe_ipsec.base.annotations import Any, Iterator, Mapping
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.kernel.netlink import HEADER, LIMIT
from modprobe_ipsec.lab import messages
from modprobe_ipsec.lab.messages import unpack
from modprobe_ipsec.lab.network import COMES
from modprobe_ipsec.lab.network import until as wait
from modprobe_ipsec.lab.states import ACQUIRE, EXPIRE, MAPPING, NAMES

# XFRMNLGRP_*: from ACQUIRE to MAPPING
_GROUPS = range(1, 9)


class Event(Value):
    """A message that nobody asked for."""

    # ACQUIRE, EXPIRE, ...
    name: str
    fields: Mapping[str, Any]
    attributes: Mapping[str, bytes]


_TOLD = {
    ACQUIRE: messages.Acquire,
    EXPIRE: messages.Expire,
    MAPPING: messages.Mapped,
}


class Monitor:
    """Listens as `ip xfrm monitor` does, in the namespace in which it is opened."""

    __slots__ = ("_socket",)

    def __init__(self) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_XFRM)
        # without an address of its own it would be taken for the kernel itself, which hears nothing
        self._socket.bind((0, 0))
        for group in _GROUPS:
            # SOL_NETLINK, NETLINK_ADD_MEMBERSHIP
            self._socket.setsockopt(270, 1, group)

    def close(self) -> None:
        """Listen no more: without a listener the kernel acquires nothing."""
        self._socket.close()

    def heard(self, until: str = "") -> list[Event]:
        """What has come so far; or all up to a message of that name, which has to come."""
        found: list[Event] = []

        def look() -> bool:
            with suppress(BlockingIOError):
                while True:
                    found.extend(_events(self._socket.recv(LIMIT)))
            return any(event.name == until for event in found)

        wait(look, COMES if until else 0)
        return found


def _events(data: bytes) -> Iterator[Event]:
    while len(data) >= HEADER.size:
        length, kind, *_ = HEADER.unpack_from(data)
        name = NAMES.get(kind, f"message {kind:#x}")
        known = _TOLD.get(kind)
        fields, attributes = unpack(known, data[HEADER.size : length]) if known else ({}, {})
        yield Event(name, fields, attributes)
        data = data[length + -length % 4 :]
