# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sends unknown SPIs: a flood costs a fixed amount, and hides nobody who counts."""

import struct
from collections import Counter

from modprobe_ipsec.watch.event import State
from modprobe_ipsec.watch.signs import ESP, Stray
from modprobe_ipsec.watch.strays import NAMED, STRANGERS, StrayReport, Strays

PEER, US = b"\xc0\0\2\1", b"\xc0\0\2\2"


def stray(source: int | bytes, spi: int = 7) -> Stray:
    address = source if isinstance(source, bytes) else struct.pack(">I", source)
    return Stray(address, US, spi, ESP)


def only_peer(address: bytes) -> bool:
    return address == PEER


def told(strays: Strays, now: float) -> list[StrayReport]:
    return strays.tell(now)


def test_once_then_once_a_minute_then_over() -> None:
    strays = Strays(only_peer)
    lines: list[tuple[float, StrayReport]] = []
    for tenth in range(3000):
        now = tenth / 10
        if now < 130:
            strays.see(stray(PEER), now)
        lines += [(now, report) for report in told(strays, now)]
    states = [(round(now), report.state) for now, report in lines]
    assert states == [
        (0, State.BEGINS),
        (60, State.LASTS),
        (120, State.LASTS),
        (190, State.OVER),
    ]
    assert lines[-1][1].packets == 1300


def test_the_last_spis_are_named() -> None:
    strays = Strays(only_peer)
    for spi in range(1, 10):
        strays.see(stray(PEER, spi), 0)
    (report,) = told(strays, 0)
    assert report.spis == (6, 7, 8, 9)


def test_a_flood_of_invented_addresses() -> None:
    strays = Strays(only_peer)
    lines: list[float] = []
    heard = 0
    others = 0
    for number in range(100_000):
        now = number / 1000
        strays.see(stray(number % 50_000 + 1), now)
        if number == 70_000:
            strays.see(stray(PEER), now)
        if number % 250 == 0:
            reports = told(strays, now)
            heard += sum(report.sender.source == PEER for report in reports)
            lines += [now] * len(reports)
            if more := strays.others(now):
                others += more
                lines.append(now)
        assert len(strays) <= STRANGERS + 1
    assert heard == 1
    per_minute = Counter(int(now // 60) for now in lines)
    assert max(per_minute.values()) <= 10
    assert others > 50_000


def test_no_more_strangers_are_named_at_a_time() -> None:
    strays = Strays(only_peer)
    for number in range(1, 20):
        strays.see(stray(number), 0)
    assert len(told(strays, 0)) == NAMED
    assert told(strays, 1) == []
    assert strays.others(1) == 19 - NAMED
    assert strays.others(2) == 0


def test_who_sends_most_is_named_in_spite_of_a_flood() -> None:
    strays = Strays(lambda _: False)
    for number in range(20_000):
        strays.see(stray(number + 1000), 0)
        if number % 10 == 0:
            strays.see(stray(1), 0)
    assert told(strays, 0)[0].sender.source == struct.pack(">I", 1)


def test_a_new_sa_ends_it() -> None:
    strays = Strays(only_peer)
    strays.see(stray(PEER), 0)
    told(strays, 0)
    (report,) = strays.answered(PEER, US)
    assert report.state is State.OVER
    assert strays.answered(PEER, US) == []
    assert told(strays, 100) == []
