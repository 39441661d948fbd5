# SPDX-License-Identifier: GPL-3.0-or-later
"""A socket that the kernel sends to by itself."""

# `socket` without its enumerations
import _socket as socket
import errno

from modprobe_ipsec.base.annotations import Iterable, Iterator
from modprobe_ipsec.kernel.netlink import LIMIT, SOL_NETLINK

_ADD_MEMBERSHIP = 1
# Python has no name for it.
_SO_RCVBUFFORCE = 33
# Datagrams that are read at a time: between two, others get their turn.
_MOST = 512


class Listener:
    """Netlink messages of some groups. Raises OSError.

    `room` is what its buffer shall hold (bytes), as far as that may be asked for.
    """

    __slots__ = ("_socket", "overflowed")

    def __init__(self, protocol: int, groups: Iterable[int], room: int) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kind, protocol)
        # Whether messages were lost since this was last set back.
        self.overflowed = False
        try:
            enlarge(self._socket, room)
            # an address of its own: with none, it would hear nothing
            self._socket.bind((0, 0))
            for group in groups:
                self._socket.setsockopt(SOL_NETLINK, _ADD_MEMBERSHIP, group)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def heard(self) -> Iterator[bytes]:
        """What has come from the kernel; never waits."""
        for _ in range(_MOST):
            try:
                data, (sender, _) = self._socket.recvfrom(LIMIT)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.overflowed = True
                continue
            # other processes may send, too
            if not sender:
                yield data


def enlarge(made: socket.socket, room: int) -> None:
    """Give a socket a larger buffer, beyond the limit of the system if that is allowed."""
    for option in (_SO_RCVBUFFORCE, socket.SO_RCVBUF):
        try:
            made.setsockopt(socket.SOL_SOCKET, option, room)
            return
        except OSError:
            continue
