# SPDX-License-Identifier: GPL-3.0-or-later
"""A netlink socket that gets one answer to each request, whatever the messages mean.

pyroute2's own sockets need asyncio, and that ten times as long to start as to ask.
"""

import socket
from contextlib import suppress
from types import TracebackType
from typing import Self

# include/uapi/linux/netlink.h; Python has no names for these
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11

# The kernel sends no larger message unless it lists things.
LIMIT = 1 << 16


class Netlink:
    """A socket of one netlink protocol, in the network namespace of the thread that makes it.

    Raises OSError. Waits for answers as long as it takes: whoever asks runs in a child process.
    """

    __slots__ = ("_socket",)

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        # Text in the errors (Linux 4.12), and not the whole request again (4.3).
        for option in (NETLINK_EXT_ACK, NETLINK_CAP_ACK):
            with suppress(OSError):
                self._socket.setsockopt(SOL_NETLINK, option, 1)
        # From now on nobody but the kernel (0) can send us anything.
        self._socket.connect((0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    def ask(self, request: bytes) -> bytes:
        """Send a message; return the one that has the same sequence number."""
        self._socket.send(request)
        while True:
            answer = self._socket.recv(LIMIT)
            if answer[8:12] == request[8:12]:
                return answer
