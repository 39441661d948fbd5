# SPDX-License-Identifier: GPL-3.0-or-later
"""A BPF filter of a socket, made anew when SAs come and go."""

# `socket` without its enumerations
import _socket as socket
import ctypes
import errno
import struct

from modprobe_ipsec.base.annotations import Callable, Collection
from modprobe_ipsec.watch.packets import MOST_SPIS

_SO_ATTACH_FILTER = 26
_INSTRUCTION = 8


class Filter:
    """Sets filters that `make` makes of the SPIs that are known."""

    __slots__ = ("_most", "_program", "_socket", "_told")

    def __init__(self, of: socket.socket, make: Callable[[Collection[int]], bytes]) -> None:
        self._socket, self._program = of, make
        self._most = MOST_SPIS
        self._told = False

    def set(self, known: Collection[int]) -> bool:
        """Let no packets of these through; False if they are too many, the first time.

        Raises OSError where even a filter without any is refused.
        """
        spis = sorted(set(known))
        while True:
            try:
                self._attach(self._program(spis[: self._most]))
                break
            except OSError as error:
                # net.core.optmem_max
                if error.errno != errno.ENOMEM or not spis or self._most < 2:
                    raise
                self._most //= 2
        first = len(spis) > self._most and not self._told
        self._told = len(spis) > self._most
        return not first

    def _attach(self, program: bytes) -> None:
        # struct sock_fprog points to its instructions
        buffer = ctypes.create_string_buffer(program, len(program))
        head = struct.pack("HP", len(program) // _INSTRUCTION, ctypes.addressof(buffer))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)
