# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets with an unknown SPI, by the counter alone: how many, but not whose."""

from modprobe_ipsec.watch.core import Core
from modprobe_ipsec.watch.signs import Sign
from modprobe_ipsec.watch.witnesses._proc import text

ABOUT = "the number of packets with an unknown SPI, by XfrmInNoStates alone"
RANK = 4


class Counter:
    """Nothing to open: the witness of all counters sees this one, too."""

    __slots__ = ()

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        return

    def see(self, now: float) -> tuple[Sign, ...]:
        return ()


def start(core: Core) -> Counter:
    if not text("net/xfrm_stat"):
        raise OSError(0, "there is no /proc/net/xfrm_stat (CONFIG_XFRM_STATISTICS)")
    core.by_counter = True
    return Counter()
