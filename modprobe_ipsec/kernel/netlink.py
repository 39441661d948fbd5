# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink messages, and a socket that gets one answer to each, whatever they mean.

Not pyroute2's: its sockets need asyncio, and its messages alone took longer to import than the
kernel takes to answer, at a boot that waits for it.
Layout: include/uapi/linux/netlink.h. Lengths are in bytes.
"""

# `socket` without its enumerations, which take longer to make than an answer takes
import _socket as socket
import struct

from modprobe_ipsec.base.annotations import Iterator, Self, TracebackType

# Python has no names for these.
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 1, 4, 0x200, 0x400
# The answer does not repeat the request's body.
NLM_F_CAPPED = 0x100
# All that there are.
NLM_F_DUMP = 0x300
NLMSG_ERROR, NLMSG_DONE, NLMSGERR_ATTR_MSG = 2, 3, 1

# The kernel sends no larger message unless it lists things.
LIMIT = 1 << 16

# struct nlmsghdr: length, type, flags, sequence number, port
HEADER = struct.Struct("IHHII")
_ATTRIBUTE = struct.Struct("HH")
_ERROR = struct.Struct("i")


def attribute(kind: int, data: bytes) -> bytes:
    """A `struct nlattr` with its data, padded to 4 bytes."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(data), kind) + data + bytes(-len(data) % 4)


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes that follow one another in `data`, by type; ends where one is cut off."""
    found = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= length <= len(data):
            break
        # the top bits are flags (NLA_TYPE_MASK)
        found[kind & 0x3FFF] = data[_ATTRIBUTE.size : length]
        data = data[length + -length % 4 :]
    return found


def message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """A whole request."""
    return HEADER.pack(HEADER.size + len(body), kind, NLM_F_REQUEST | flags, sequence, 0) + body


def body_of(answer: bytes) -> bytes:
    """What an answer says behind its header; nothing if it only says that it is done.

    Raises OSError if it says that the kernel refuses: with its errno, and as `strerror` its
    extended-ack text, empty if there is none.
    """
    length, kind, flags, _, _ = HEADER.unpack_from(answer)
    body = answer[HEADER.size : length]
    if kind != NLMSG_ERROR:
        return body
    (error,) = _ERROR.unpack_from(body)
    if error:
        # struct nlmsgerr: the error and the request's header; if not capped, its body is in between
        told = attributes(body[_ERROR.size + HEADER.size :]) if flags & NLM_F_CAPPED else {}
        text = told.get(NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode("utf-8", "replace")
        raise OSError(-error, text)
    return b""


class Netlink:
    """A socket of one netlink protocol, in the network namespace of the thread that makes it.

    Raises OSError. Waits for answers as long as it takes: whoever asks runs in a child process.
    """

    __slots__ = ("_sequence", "_socket")

    def __init__(self, protocol: int) -> None:
        self._sequence = 0
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        # Text in the errors (Linux 4.12), and not the whole request again (4.3).
        for option in (NETLINK_EXT_ACK, NETLINK_CAP_ACK):
            try:
                self._socket.setsockopt(SOL_NETLINK, option, 1)
            except OSError:
                pass
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

    def ask(self, kind: int, body: bytes, flags: int = NLM_F_ACK) -> bytes:
        """Send a request; return the body of its answer, as `body_of` does, or raise as it does.

        Without NLM_F_ACK in `flags` the answer is what the request asks for.
        """
        self._sequence += 1
        request = message(kind, flags, self._sequence, body)
        self._socket.send(request)
        while True:
            answer = self._socket.recv(LIMIT)
            # the same sequence number
            if answer[8:12] == request[8:12]:
                return body_of(answer)

    def list(self, kind: int, body: bytes, seconds: float) -> Iterator[bytes]:
        """The bodies of all answers to a request that lists things.

        Raises OSError as `ask`; TimeoutError if the kernel is silent for so many seconds.
        """
        self._sequence += 1
        self._socket.settimeout(seconds)
        self._socket.send(message(kind, NLM_F_DUMP, self._sequence, body))
        while True:
            data = self._socket.recv(LIMIT)
            while len(data) >= HEADER.size:
                length, kind, _, sequence, _ = HEADER.unpack_from(data)
                if not HEADER.size <= length <= len(data):
                    break
                if sequence == self._sequence:
                    if kind == NLMSG_DONE:
                        return
                    yield body_of(data[:length])
                data = data[length + -length % 4 :]
