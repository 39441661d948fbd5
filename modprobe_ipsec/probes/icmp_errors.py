# SPDX-License-Identifier: GPL-3.0-or-later
"""Does an ICMP error that comes out of a tunnel reach who has sent the packet?

Wanted: an error about a packet of the tunnel is taken even from a router that no policy names (RFC
4301, 6.2).

Kernels: only with the flag icmp at the SA that it comes through, if what it quotes, turned round,
fits the policy; all count XfrmInNoPols even then. Errors that are to be forwarded are lost up to
6.1, flag or not, and need none from 6.12 on; that is not asked here.

Pluto: without the flag, senders behind the tunnel learn of no smaller path MTU.

Charon: the same.
"""

import socket
from contextlib import closing

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.lab.counters import in_words
from modprobe_ipsec.lab.network import until
from modprobe_ipsec.lab.packets import icmp_error, udp
from modprobe_ipsec.lab.pair import PORT
from modprobe_ipsec.lab.workbench import COMES, TEXT, Workbench
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply, tried

# XFRM_STATE_ICMP
_FLAGS = {"without the flag": 0, "with the flag icmp": 16}
_ANSWER = "only with the flag icmp"
# Port unreachable.
_UNREACHABLE = {Family.IPV4: (3, 3), Family.IPV6: (1, 4)}
_ANY = {Family.IPV4: "0.0.0.0/0", Family.IPV6: "::/0"}
# Of the network behind a, and in no policy of b.
_ROUTER = 99


def ask(bench: Workbench) -> Reply:
    """Send an error of a router through the tunnel, with and without the flag."""
    cases = []
    seen: dict[str, set[str]] = {name: set() for name in _FLAGS}
    for family in bench.families:
        for name, flags in _FLAGS.items():
            outcome = _error(bench, family, flags)
            cases.append((f"{family.label}, {name}", outcome))
            seen[name].add(outcome)
    known = [{"lost, XfrmInNoPols +1"}, {"told, XfrmInNoPols +1"}]
    return Reply(_ANSWER if list(seen.values()) == known else UNCLEAR, tuple(cases))


def _error(bench: Workbench, family: Family, flags: int) -> str:
    bench.clear()
    network = bench.network
    a, b = network.a, network.b
    pair = bench.pair(family, tunnel=True)
    router, there = a.inside(family, _ROUTER), pair.end(b)
    (out, _), (_, incoming) = pair.policies(a), pair.policies(b)
    # the flow of a packet that brings its own header has another source than that says
    every = out.selector._replace(source=_ANY[family], proto=0, sport=0, dport=0)
    bench.a.add(pair.there, out._replace(selector=every))
    bench.b.add(pair.there._replace(flags=flags), incoming)
    about = udp(there, pair.end(a), PORT, PORT, TEXT)
    error = icmp_error(about, router, *_UNREACHABLE[family])
    counters = bench.counters(b)
    with network.at(a):
        kind = socket.AF_INET6 if family is Family.IPV6 else socket.AF_INET
        raw = socket.socket(kind, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with closing(raw), network.udp(b, there, PORT) as theirs:
        theirs.connect((pair.end(a), PORT))
        raw.sendto(error.pack(), (there, 0))
        heard = until(lambda: tried(theirs.recv, 1) == "ECONNREFUSED")
        counted = counters.soon(COMES)
    return f"{'told' if heard else 'lost'}, {in_words(counted)}"
