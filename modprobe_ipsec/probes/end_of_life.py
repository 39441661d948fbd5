# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens at the end of an SA's life?

Wanted: a soft limit tells in time for a successor, at the hard one the SA is gone (RFC 4301,
4.4.2.1).

Kernels: all tell EXPIRE at both. A soft limit of packets is told when it is passed, not when it is
reached; at the hard one the packet is lost and the SA with it, whose later packets count as those
of an unknown SPI. A life in seconds ends without any packet.

Pluto: the soft EXPIRE is the time to rekey; at the hard one the SA is gone already.

Charon: the same.
"""

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.lab.workbench import Workbench
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply

_SOFT, _HARD = 2, 4
_SENT = 6
_ENDS = "XfrmInStateExpired +1"


def ask(bench: Workbench) -> Reply:
    """Send more packets than an SA may take; let one grow old."""
    cases = []
    for family in bench.families:
        cases += _packets(bench, family)
    old = [bench.pair(family, limits=(("hard_add_seconds", 1),)).there for family in bench.families]
    monitor = bench.monitor(bench.network.b)
    bench.b.add(*old)
    told = 0
    while told < len(old):
        events = monitor.heard("EXPIRE")
        if not events:
            break
        told += sum(event.name == "EXPIRE" and event.fields["hard"] == 1 for event in events)
    left = len(bench.b.dump())
    cases.append(("one second, without a packet", f"{told} of {len(old)} tell EXPIRE, {left} stay"))
    ends = {seen for case, seen in cases if case.endswith(f"packet {_HARD + 1}")}
    told_and_gone = ends == {f"{_ENDS}, tells hard EXPIRE, SA gone"} and not left
    return Reply("told, and gone" if told_and_gone else UNCLEAR, tuple(cases))


def _packets(bench: Workbench, family: Family) -> list[tuple[str, str]]:
    network = bench.network
    limits = (("soft_packets", _SOFT), ("hard_packets", _HARD))
    pair = bench.pair(family)
    frames = bench.frames(pair, _SENT)
    bench.b.add(pair.there._replace(limits=limits), pair.policies(network.b)[1])
    monitor, wire = bench.monitor(network.b), bench.wire(network.a)
    found = []
    ours, theirs = bench.sockets(pair)
    with ours, theirs:
        for number, frame in enumerate(frames, 1):
            counters = bench.counters(network.b)
            wire.put(frame)
            outcome = bench.fate(theirs, counters)
            # a timer ends the SA
            ends = "EXPIRE" if outcome == _ENDS else ""
            for event in monitor.heard(ends):
                if event.name == "EXPIRE":
                    outcome += f", tells {'hard' if event.fields['hard'] else 'soft'} EXPIRE"
            outcome += "" if bench.b.dump() else ", SA gone"
            found.append((f"{family.label}, soft {_SOFT}, hard {_HARD}, packet {number}", outcome))
    monitor.close()
    bench.clear()
    return found
