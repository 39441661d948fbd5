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
# `ret 0`
_NO = struct.pack("HBBI", 0x06, 0, 0, 0)


class Filter:
    """Sets filters that `program` makes of the SPIs that are known."""

    __slots__ = ("_most", "_program", "_socket", "short")

    def __init__(self, of: socket.socket, program: Callable[[Collection[int]], bytes]) -> None:
        self._socket, self._program = of, program
        self._most = MOST_SPIS
        # Whether there are more SPIs than it can know: then packets of SAs come through, too.
        self.short = False

    def set(self, known: Collection[int], *, wanted: bool = True) -> None:
        """Let no packets of these through; where they are too many, none at all unless `wanted`.

        Raises OSError where even a filter without any is refused.
        """
        spis = sorted(set(known))
        while True:
            self.short = len(spis) > self._most
            try:
                self._attach(self._program(spis[: self._most]) if wanted or not self.short else _NO)
                return
            except OSError as error:
                # net.core.optmem_max
                if error.errno != errno.ENOMEM or not spis or self._most < 2:
                    raise
                self._most //= 2

    def _attach(self, program: bytes) -> None:
        # struct sock_fprog points to its instructions
        buffer = ctypes.create_string_buffer(program, len(program))
        head = struct.pack("HP", len(program) // _INSTRUCTION, ctypes.addressof(buffer))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)
