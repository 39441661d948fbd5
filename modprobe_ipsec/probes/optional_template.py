# SPDX-License-Identifier: GPL-3.0-or-later
"""May a template of a policy be optional (`level use`)?

Wanted: IPComp is used only where it helps (RFC 3173, 2.2): the policies of both daemons make its
template optional.

Kernels: newer than 5.10 refuse an optional template of tunnel mode for what goes out; of transport
mode, and for what comes in, all take it. Where its SA is missing, the packet leaves in the clear
while the kernel acquires one.

Pluto: the mode of the tunnel belongs to the template that is not optional.

Charon: the same; an optional template is no protection.
"""

from contextlib import suppress

from modprobe_ipsec.lab.pair import PORT, Pair
from modprobe_ipsec.lab.states import Policy
from modprobe_ipsec.lab.workbench import TEXT, Workbench
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply, tried


def ask(bench: Workbench) -> Reply:
    """Make such policies, and send into one."""
    cases = []
    for family in bench.families:
        network = bench.network
        tunnel, transport = (bench.pair(family, tunnel=tunnel) for tunnel in (True, False))
        out, incoming = map(_optional, tunnel.policies(network.a))
        cases += [
            (f"{family.label}, tunnel, out", tried(bench.a.add, out)),
            (f"{family.label}, tunnel, in", tried(bench.a.add, incoming)),
            (f"{family.label}, transport, a packet without an SA", _sent(bench, transport)),
        ]
    taken = {outcome for case, outcome in cases if case.endswith("out")}
    answers = {"ok": "yes", "EINVAL": "not of tunnels, out"}
    answer = answers.get(taken.pop(), UNCLEAR) if len(taken) == 1 else UNCLEAR
    return Reply(answer, tuple(cases))


def _optional(policy: Policy) -> Policy:
    (template,) = policy.templates
    return policy._replace(templates=(template._replace(optional=True),))


def _sent(bench: Workbench, pair: Pair) -> str:
    bench.clear()
    network = bench.network
    bench.a.add(_optional(pair.policies(network.a)[0]))
    monitor, wire = bench.monitor(network.a), bench.wire(network.a)
    ours, theirs = bench.sockets(pair)
    with ours, theirs, suppress(OSError):
        ours.sendto(TEXT, (pair.end(network.b), PORT))
    packet = wire.next()
    asked = any(event.name == "ACQUIRE" for event in monitor.heard())
    monitor.close()
    clear = "in the clear" if packet and TEXT in packet.payload else "not in the clear"
    return f"{'acquire' if asked else 'no acquire'}, {clear}"
