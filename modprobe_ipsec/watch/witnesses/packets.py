# SPDX-License-Identifier: GPL-3.0-or-later
"""ESP, AH and ESP in UDP that come to this host with an SPI of no SA: a packet socket whose filter
lets nothing else through.
"""

# `socket` without its enumerations
import _socket as socket
import struct

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.watch.core import Core
from modprobe_ipsec.watch.packets import MOST_SPIS, SNAP, parse, socket_filter
from modprobe_ipsec.watch.signs import Remark, Sign, StrayCount
from modprobe_ipsec.watch.witnesses._filter import Filter
from modprobe_ipsec.watch.witnesses._listener import enlarge
from modprobe_ipsec.watch.witnesses._local import LocalAddresses

ABOUT = "packets with an unknown SPI, by a packet socket"
RANK = 2

_ETH_P_ALL = 3
# include/linux/socket.h, include/uapi/linux/if_packet.h
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_ROOM = 1 << 20
# Packets that are read at a time, and the time between two (seconds): 5000 a second take some
# percent of a CPU, and a flood no more.
_MOST, _PAUSE = 500, 0.1
# How long after a rise of the counter (seconds).
_WHILE = 3.0


class Packets:
    """The packet socket."""

    __slots__ = ("_core", "_filter", "_local", "_next", "_socket", "_statistics", "_wanted")

    def __init__(self, core: Core) -> None:
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_PACKET, kind, socket.htons(_ETH_P_ALL))
        try:
            enlarge(self._socket, _ROOM)
            self._core, self._local = core, LocalAddresses()
            self._filter = Filter(self._socket, socket_filter)
            self._filter.set(())
            # what came before there was a filter
            while self._socket.recv(SNAP):
                pass
        except BlockingIOError:
            pass
        except OSError:
            self._socket.close()
            raise
        self._next = self._statistics = 0.0
        self._wanted = True

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def see(self, now: float) -> Iterator[Sign]:
        # with more SAs than a filter can know, packets are looked at while the counter rises
        wanted = now - self._core.no_states_rose < _WHILE
        if self._core.sas.changed or (self._filter.short and wanted != self._wanted):
            self._core.sas.changed, self._wanted = False, wanted
            before = self._filter.short
            self._filter.set(self._core.sas.spis(), wanted=wanted)
            if self._filter.short and not before:
                yield Remark(
                    f"more than {MOST_SPIS} SAs: packets are looked at while XfrmInNoStates rises"
                )
        if now < self._next:
            return
        for _ in range(_MOST):
            try:
                data = self._socket.recv(SNAP)
            except BlockingIOError:
                break
            except OSError:
                # a device went down
                continue
            stray = parse(data)
            if stray and self._local.has(stray.destination, now):
                yield stray
        else:
            self._next = now + _PAUSE
        if now - self._statistics >= 1:
            self._statistics = now
            dropped = self._dropped()
            if dropped:
                yield StrayCount(dropped)

    def _dropped(self) -> int:
        """Packets for which there was no room, since this was last asked."""
        data = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        return int(struct.unpack("II", data)[1])


def start(core: Core) -> Packets:
    return Packets(core)
