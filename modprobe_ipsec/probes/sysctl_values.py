# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values below /proc/sys are there, and do they do what they say?

Wanted: a container sets its own, as a host does.

Kernels: all keep net.core.xfrm_* for each network namespace, and hide them where it belongs to
another user namespace than the first: they rule there, and cannot be seen. disable_xfrm is for IPv4
alone. xfrm4_gc_thresh and xfrm6_gc_thresh do nothing any more.

Pluto: some releases do not start where the file of acq_expires is missing.

Charon: does without them.
"""

from contextlib import suppress

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.lab import packets
from modprobe_ipsec.lab.pair import PORT
from modprobe_ipsec.lab.workbench import TEXT, Workbench
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply

HIDDEN = "hidden here: the network belongs to a user namespace"
_EXPIRES = "the larval SA expires"
_EFFECTS = {
    "disable_xfrm 1": "leaves in the clear",
    "disable_policy 0, a packet in the clear": "XfrmInTmplMismatch +1",
    "disable_policy 1, a packet in the clear": "delivered",
}
_CORE = ("acq_expires", "aevent_etime", "aevent_rseqth", "larval_drop")


def ask(bench: Workbench) -> Reply:
    """Read them, set those that can be seen at work, and send packets."""
    cases = []
    for name in _CORE:
        value = Host().text(f"proc/sys/net/core/xfrm_{name}")
        cases.append((f"net.core.xfrm_{name}", HIDDEN if value is None else value.strip()))
    cases.append(("net.core.xfrm_acq_expires, set to 1", _expires(bench)))
    for family in bench.families:
        cases += [
            (f"{family.label}, disable_xfrm 1", _disable_xfrm(bench, family)),
            (
                f"{family.label}, disable_policy 0, a packet in the clear",
                _clear(bench, family, "0"),
            ),
            (
                f"{family.label}, disable_policy 1, a packet in the clear",
                _clear(bench, family, "1"),
            ),
        ]
    seen = dict(cases)
    ends = {f"IPv4, {case}": outcome for case, outcome in _EFFECTS.items()}
    work = all(seen[case] == outcome for case, outcome in ends.items())
    work &= seen["net.core.xfrm_acq_expires, set to 1"] in (_EXPIRES, HIDDEN)
    return Reply("they do" if work else UNCLEAR, tuple(cases))


def _expires(bench: Workbench) -> str:
    network = bench.network
    try:
        network.set(network.a, "net/core/xfrm_acq_expires", "1")
    except OSError:
        return HIDDEN
    bench.clear()
    pair = bench.pair(bench.families[0])
    bench.a.add(pair.policies(network.a)[0])
    monitor = bench.monitor(network.a)
    ours, theirs = bench.sockets(pair)
    with ours, theirs, suppress(OSError):
        ours.sendto(TEXT, (pair.end(network.b), PORT))
    events = monitor.heard("EXPIRE")
    monitor.close()
    ended = any(event.name == "EXPIRE" and event.fields["id_spi"] == 0 for event in events)
    return _EXPIRES if ended else "the larval SA stays"


def _conf(family: Family, device: str, name: str) -> str:
    return f"net/{family}/conf/{device}/{name}"


def _disable_xfrm(bench: Workbench, family: Family) -> str:
    network = bench.network
    path = _conf(family, network.a.name, "disable_xfrm")
    try:
        network.set(network.a, path, "1")
    except OSError:
        return "no such value"
    bench.clear()
    pair = bench.pair(family)
    bench.a.add(pair.there, pair.policies(network.a)[0])
    wire = bench.wire(network.a)
    ours, theirs = bench.sockets(pair)
    with ours, theirs:
        ours.sendto(TEXT, (pair.end(network.b), PORT))
    packet = wire.next()
    network.set(network.a, path, "0")
    return "leaves in the clear" if packet and TEXT in packet.payload else "does not"


def _clear(bench: Workbench, family: Family, value: str) -> str:
    """What becomes of a packet in the clear that a policy wants protected."""
    network = bench.network
    network.set(network.b, _conf(family, network.b.name, "disable_policy"), value)
    bench.clear()
    pair = bench.pair(family)
    bench.b.add(pair.there, pair.policies(network.b)[1])
    counters, wire = bench.counters(network.b), bench.wire(network.a)
    ours, theirs = bench.sockets(pair)
    with ours, theirs:
        clear = packets.udp(pair.end(network.a), pair.end(network.b), PORT, PORT, TEXT)
        wire.put(clear)
        return bench.fate(theirs, counters)
