# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the direction of an SA enforced?

Wanted: an SA for one direction serves no packets of the other (XFRMA_SA_DIR; wishlist: SAs that
say which way they go).

Kernels: since 6.10; older ones take the attribute, drop it and deliver.

Pluto: may set the direction, and must not count on it where GETSA does not show it.

Charon: the same; without a direction, per-CPU SAs and keepalives of the kernel are refused.
"""

from modprobe_ipsec.lab.states import SA_OUT
from modprobe_ipsec.lab.workbench import DELIVERED, Workbench
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply


def ask(bench: Workbench) -> Reply:
    """Let a packet arrive at an SA that is for what goes out."""
    network = bench.network
    cases = []
    outcomes = set()
    for family in bench.families:
        pair = bench.pair(family)
        (frame,) = bench.frames(pair, 1)
        sa = pair.there.plus("SA_DIR", bytes((SA_OUT,)))._replace(window=0)
        bench.b.add(sa, pair.policies(network.b)[1])
        shown = bench.b.show(sa).direction == SA_OUT
        counters = bench.counters(network.b)
        ours, theirs = bench.sockets(pair)
        with ours, theirs:
            bench.wire(network.a).put(frame)
            outcome = bench.fate(theirs, counters)
        cases += [
            (f"{family.label}, what GETSA shows", "dir out" if shown else "no direction"),
            (f"{family.label}, a packet arrives at an SA for output", outcome),
        ]
        outcomes.add(outcome)
    answers = {DELIVERED: "not known", "XfrmInStateDirError +1": "enforced"}
    answer = answers.get(outcomes.pop(), UNCLEAR) if len(outcomes) == 1 else UNCLEAR
    return Reply(answer, tuple(cases))
