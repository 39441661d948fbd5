# SPDX-License-Identifier: GPL-3.0-or-later
"""How many acquires come of several flows that one policy covers?

Wanted: RFC 4301, 4.4.1.1 (populate from packet): an SA for each flow, host or port, as the policy
says; wishlist: an acquire for each.

Kernels: one for all flows, on all kernels: the larval SA is found by the template's ends, and its
selector is not looked at. A template without ends acquires once for each pair of hosts. Since 6.12
there can be an SA for each CPU.

Pluto: the selector in an acquire is only that of the first packet; what the SA is to cover has to
come from the policy.

Charon: the same; a finer grain takes a policy for each flow, or templates without ends.
"""

import struct
from contextlib import suppress

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.kernel.sa import TUNNEL
from modprobe_ipsec.lab.counters import in_words
from modprobe_ipsec.lab.network import COMES, until
from modprobe_ipsec.lab.pair import PORT
from modprobe_ipsec.lab.states import OUT, SA_OUT, TRANSPORT, Policy, Selector, Template
from modprobe_ipsec.lab.workbench import TEXT, Workbench
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply

_DROP = "net/core/xfrm_larval_drop"
# More than the queue of a policy holds (net/xfrm/xfrm_policy.c, XFRM_MAX_QUEUE_LEN).
_MANY = 150
_NO_FILE = "hidden here: the network belongs to a user namespace"


def ask(bench: Workbench) -> Reply:
    """Send several flows into one policy without an SA, and count what is asked for."""
    cases = []
    counts = []
    for family in bench.families:
        flows = [("the first packet", 1, PORT), ("the same again", 1, PORT)]
        flows += [("another port", 1, PORT + 1), ("another host", 3, PORT)]
        said, count = _acquires(bench, family, TUNNEL, flows)
        counts.append(count)
        cases += [(f"{family.label}, {case}", outcome) for case, outcome in said]
        hosts = [(f"host {number}", number, PORT) for number in (1, 3, 4)]
        _, each = _acquires(bench, family, TRANSPORT, hosts)
        cases.append((f"{family.label}, a template without ends, 3 hosts", f"{each} acquires"))
        cases.append((f"{family.label}, an SA for a CPU", _per_cpu(bench, family)))
    # of IPv4 alone: 5.10 never lets go of the namespace in which a packet of IPv6 has waited, and
    # the next who changes a device somewhere waits for that, too
    waiting = _queue(bench, Family.IPV4)
    cases.append(("IPv4, packets that wait (larval_drop 0)", waiting))
    answer = "one for all" if set(counts) == {1} else "more than one" if all(counts) else UNCLEAR
    return Reply(answer, tuple(cases))


def _acquires(
    bench: Workbench, family: Family, mode: int, flows: list[tuple[str, int, int]]
) -> tuple[list[tuple[str, str]], int]:
    """What comes of a packet of each flow, and the number of all acquires."""
    bench.clear()
    a, b = bench.network.a, bench.network.b
    ends = (a.outside(family), b.outside(family))
    any_end = "::" if family is Family.IPV6 else "0.0.0.0"  # noqa: S104 (of a template)
    template = Template(*(ends if mode == TUNNEL else (any_end, any_end)), mode)
    bench.a.add(Policy(Selector(a.network(family), b.network(family)), OUT, (template,)))
    monitor = bench.monitor(a)
    total, said = 0, []
    with bench.network.udp(a, a.inside(family), PORT) as made:
        for case, host, port in flows:
            counters = bench.counters(a)
            with suppress(OSError):
                made.sendto(TEXT, (b.inside(family, host), port))
            events = [e for e in monitor.heard() if e.name == "ACQUIRE"]
            total += len(events)
            asked = "acquire" if events else "no acquire"
            said.append((case, f"{asked}, {in_words(counters.now())}"))
    monitor.close()
    return said, total


def _queue(bench: Workbench, family: Family) -> str:
    """How many packets wait for an SA where they are not dropped."""
    network = bench.network
    try:
        network.set(network.a, _DROP, "0")
    except OSError:
        return _NO_FILE
    bench.clear()
    pair = bench.pair(family)
    bench.a.add(pair.policies(network.a)[0])
    monitor = bench.monitor(network.a)
    ours, theirs = bench.sockets(pair)
    wire = bench.wire(network.a)
    with ours, theirs:
        sent = refused = 0
        for _ in range(_MANY):
            try:
                ours.sendto(TEXT, (pair.end(network.b), PORT))
                sent += 1
            except BlockingIOError:
                refused += 1
        bench.a.add(pair.there)
        left = 0

        def look() -> bool:
            nonlocal left
            left += len(wire.sent())
            return left >= sent

        # the queue is looked at after 100 ms, 200 ms, ...: at the latest when twice as much time
        # has passed as it took to fill it
        until(look, 2 * COMES)
    monitor.close()
    network.set(network.a, _DROP, "1")
    return f"{left} of {sent} leave later, {refused} are refused (EAGAIN)"


def _per_cpu(bench: Workbench, family: Family) -> str:
    bench.clear()
    pair = bench.pair(family, window=0)
    sa = pair.there.plus("SA_DIR", bytes((SA_OUT,))).plus("SA_PCPU", struct.pack("I", 0))
    bench.a.add(sa)
    kept = "SA_PCPU" in bench.a.show(sa).attributes
    return "kept" if kept else "taken, and forgotten"
