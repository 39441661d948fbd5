# SPDX-License-Identifier: GPL-3.0-or-later
"""How many packets a second get from one host to the other.

They are sent with sendmmsg(2), many in one system call. UDP_SEGMENT would be faster, and is refused
as soon as a policy applies (EIO).
"""

import ctypes
import socket
import struct
import time

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.lab.network import Network

# Packets in one system call, at most.
_MOST = 64
# Stretches of a round, of which the fastest counts: some of them fit between two interruptions.
_STRETCHES = 3
# How often the clock is looked at in a stretch, at least.
_LOOKS = 6
# As long as crypto that is done elsewhere may keep a packet (seconds).
_PATIENCE = 0.02
# How long one system call may take where nothing gets through (seconds).
_SEND_TIMEOUT = 0.5
# IP and UDP headers (bytes).
_HEADERS = {Family.IPV4: 28, Family.IPV6: 48}

# include/uapi/asm-generic/socket.h
_SO_ATTACH_FILTER, _SO_MEMINFO = 26, 55
# include/uapi/linux/sock_diag.h: the last of so many
_SK_MEMINFO_DROPS, _SK_MEMINFO_VARS = 8, 9
# include/uapi/linux/filter.h: BPF_RET, keep no byte
_DROP = struct.pack("HBBI", 6, 0, 0, 0)


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("len", ctypes.c_size_t))


class _Msghdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.POINTER(_Iovec)),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Mmsghdr(ctypes.Structure):
    _fields_ = (("hdr", _Msghdr), ("len", ctypes.c_uint))


_libc = ctypes.CDLL(None, use_errno=True)


class Stream:
    """UDP packets from a to b, where they are counted and dropped.

    `ends` are the addresses of a's and of b's socket. Open it when the SAs and policies are there
    that the packets are to go through: to connect a socket is to ask for them.
    """

    __slots__ = (
        "_batch",
        "_headers",
        "_iovec",
        "_overhead",
        "_payload",
        "_sender",
        "_sink",
        "sent",
    )

    def __init__(
        self, network: Network, family: Family, ends: tuple[str, str], port: int, payload: bytes
    ) -> None:
        # How many were sent in all.
        self.sent = 0
        self._overhead, self._batch = _HEADERS[family], 1
        self._payload = ctypes.create_string_buffer(payload, len(payload))
        self._iovec = _Iovec(ctypes.addressof(self._payload), len(payload))
        message = _Msghdr(None, 0, ctypes.pointer(self._iovec), 1)
        self._headers = (_Mmsghdr * _MOST)(*[_Mmsghdr(message)] * _MOST)
        self._sink = network.udp(network.b, ends[1], port)
        _drop_all(self._sink)
        self._sender = network.udp(network.a, ends[0], port)
        self._sender.setblocking(True)
        timeout = struct.pack("ll", 0, int(_SEND_TIMEOUT * 1e6))
        self._sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
        self._sender.connect((ends[1], port))

    def close(self) -> None:
        """Both sockets."""
        self._sender.close()
        self._sink.close()

    @property
    def arrived(self) -> int:
        """How many b has got in all."""
        size = 4 * _SK_MEMINFO_VARS
        values = self._sink.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, size)
        return int(struct.unpack_from("I", values, 4 * _SK_MEMINFO_DROPS)[0])

    def round(self, size: int, seconds: float) -> float:
        """Send packets of a size for that long; how many of them arrived in a second.

        `size` is that of the whole IP packet. Raises OSError.
        """
        self._iovec.len = size - self._overhead
        return max(self._stretch(seconds / _STRETCHES) for _ in range(_STRETCHES))

    def _stretch(self, seconds: float) -> float:
        arrived, sent = self.arrived, self.sent
        start = now = time.perf_counter()
        while now - start < seconds:
            self._send()
            before, now = now, time.perf_counter()
            if now - before < seconds / _LOOKS and self._batch < _MOST:
                self._batch *= 2
            elif now - before > seconds and self._batch > 1:
                self._batch //= 2
        got, end = self._settled(arrived + self.sent - sent)
        return (got - arrived) / (end - start)

    def _send(self) -> None:
        done = _libc.sendmmsg(self._sender.fileno(), self._headers, self._batch, 0)
        if done < 0:
            number = ctypes.get_errno()
            raise OSError(number, "")
        self.sent += done

    def _settled(self, expected: int) -> tuple[int, float]:
        """How many have arrived in all, and when: crypto may be done elsewhere, and later."""
        got, end = self.arrived, time.perf_counter()
        deadline = end + _PATIENCE
        while got < expected and time.perf_counter() < deadline:
            time.sleep(0.0002)
            if (now := self.arrived) != got:
                got, end = now, time.perf_counter()
                deadline = end + _PATIENCE
        return got, end


def _drop_all(sink: socket.socket) -> None:
    """Have the kernel count what comes and keep none of it: a queue that fills changes the pace."""
    program = ctypes.create_string_buffer(_DROP, len(_DROP))
    # struct sock_fprog
    filter_ = struct.pack("HP", 1, ctypes.addressof(program))
    sink.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_)
