# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mode has the larval SA of an acquire, and what does the acquire say?

Wanted: a larval SA is a place holder until the key manager has agreed on an SA; wishlist: it should
not say `mode transport` before anybody knows, nor name a device.

Kernels: on all, the larval SA has the mode of the policy's template, and it is load bearing: only
an SA of that mode replaces it, unless that has the acquire's sequence number. Since 6.10 it has a
direction, too. For IPv4 the selector names the device, for IPv6 it does not.

Pluto: what looks like `transport` comes from its own template; answer with the acquire's sequence
number, reqid and mode, or the larval SA blocks the flow until it expires.

Charon: the same. A connect() acquires before there is any packet.
"""

from contextlib import suppress

from modprobe_ipsec.base.annotations import Any
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.kernel.sa import TUNNEL
from modprobe_ipsec.lab.monitor import Event, Monitor
from modprobe_ipsec.lab.pair import PORT, Pair
from modprobe_ipsec.lab.states import BEET, OUT, TRANSPORT, Shown
from modprobe_ipsec.lab.workbench import TEXT, Workbench
from modprobe_ipsec.probes._behaviour import Reply

_MODES = {TRANSPORT: "transport", TUNNEL: "tunnel", BEET: "beet"}


def ask(bench: Workbench) -> Reply:
    """Send into policies without SAs, with templates of every mode."""
    cases = []
    as_template = True
    monitor = bench.monitor(bench.network.a)
    for family in bench.families:
        for mode, name in _MODES.items():
            pair = bench.pair(family, mode=mode, reqid=5)
            acquire, larval = _acquire(bench, pair, monitor)
            seen = _MODES.get(larval.fields["mode"], str(larval.fields["mode"]))
            as_template &= seen == name
            cases.append((f"{family.label}, template {name}", f"larval SA {seen}"))
        cases += _details(family, acquire, larval)
        cases += _ends(bench, bench.pair(family, reqid=5), monitor)
        cases.append((f"{family.label}, connect() alone", _connect(bench, family, monitor)))
    monitor.close()
    return Reply("the template's" if as_template else "not the template's", tuple(cases))


def _acquire(bench: Workbench, pair: Pair, monitor: Monitor) -> tuple[Event, Shown]:
    """Make the policy and send one packet; the acquire, and the larval SA."""
    bench.clear()
    monitor.heard()
    bench.a.add(pair.policies(bench.network.a)[0])
    ours, theirs = bench.sockets(pair)
    with ours, theirs, suppress(OSError):
        ours.sendto(TEXT, (pair.end(bench.network.b), PORT))
    events = [e for e in monitor.heard("ACQUIRE") if e.name == "ACQUIRE"]
    larvals = bench.a.dump()
    if not events or not larvals:
        raise OSError(0, "no acquire came")
    return events[0], larvals[0]


def _details(family: Family, acquire: Event, larval: Shown) -> list[tuple[str, str]]:
    told, fields = acquire.fields, larval.fields
    ports = f"{told['sel_proto']} {told['sel_sport']}/{told['sel_sport_mask']:x} to "
    ports += f"{told['sel_dport']}/{told['sel_dport_mask']:x}"
    lengths = f"/{told['sel_prefixlen_s']} to /{told['sel_prefixlen_d']}"
    device = "its device" if told["sel_ifindex"] else "no device"
    direction = {0: "no direction", 1: "in", 2: "out"}[larval.direction]
    return [
        (f"{family.label}, selector", f"{lengths}, protocol {ports}, {device}"),
        (f"{family.label}, SPI of the acquire", str(told["id_spi"])),
        (
            f"{family.label}, sequence number",
            "the same at both" if _same(told, fields) else "other",
        ),
        (f"{family.label}, reqid of the larval SA", str(fields["reqid"])),
        (f"{family.label}, direction of the larval SA", direction),
    ]


def _same(told: Any, fields: Any) -> bool:
    return bool(told["seq"] and told["seq"] == fields["seq"])


def _ends(bench: Workbench, pair: Pair, monitor: Monitor) -> list[tuple[str, str]]:
    """Which SAs take the place of the larval one."""
    found = []
    for case, sa, numbered in (
        ("its number, another reqid", pair.there._replace(reqid=6), True),
        ("no number, the same reqid and mode", pair.there, False),
        ("no number, another reqid", pair.there._replace(reqid=6), False),
        ("no number, another mode", pair.there._replace(mode=TUNNEL), False),
    ):
        acquire, _ = _acquire(bench, pair, monitor)
        seq = acquire.fields["seq"] if numbered else 0
        bench.a.add(sa._replace(seq=seq))
        left = any(shown.fields["id_spi"] == 0 for shown in bench.a.dump())
        name = f"{pair.family.label}, SA with {case}"
        found.append((name, "the larval SA stays" if left else "takes its place"))
    return found


def _connect(bench: Workbench, family: Family, monitor: Monitor) -> str:
    bench.clear()
    monitor.heard()
    pair = bench.pair(family)
    network = bench.network
    selector = pair.selector(network.a)._replace(sport=0)
    bench.a.add(pair.policies(network.a)[0]._replace(selector=selector, direction=OUT))
    with network.udp(network.a, pair.end(network.a), 0) as made, suppress(OSError):
        made.connect((pair.end(network.b), PORT))
    events = monitor.heard("ACQUIRE")
    return "acquires" if any(event.name == "ACQUIRE" for event in events) else "acquires nothing"
