# SPDX-License-Identifier: GPL-3.0-or-later
"""Does it prove anything if the kernel takes a flag of an SA?

Wanted: a flag that the kernel does not know, or does not heed, is refused (wishlist).

Kernels: all take every bit and show it again, known or not; only packets tell. Extended sequence
numbers alone are refused without their attribute.

Pluto: what a flag does has to be known from elsewhere; behaviours of their own ask for noecn,
decap-dscp, nopmtudisc and dont-encap-dscp.

Charon: the same.
"""

import struct

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.kernel.xfrm import AF_UNSPEC, ALIGN4, ESN
from modprobe_ipsec.lab.counters import in_words
from modprobe_ipsec.lab.pair import PORT, Pair
from modprobe_ipsec.lab.workbench import COMES, TEXT, Workbench
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply, tried

# include/uapi/linux/xfrm.h, by the names of iproute2; what is not named has no meaning yet
_FLAGS = {
    "noecn": 1,
    "decap-dscp": 2,
    "nopmtudisc": 4,
    "wildrecv": 8,
    "icmp": 16,
    "af-unspec": AF_UNSPEC,
    "align4": ALIGN4,
    "esn": ESN,
}
_EXTRA = {"dont-encap-dscp": 1, "oseq-may-wrap": 2, "unknown ones": 0xFFFFFFFC}
# The last number without extended sequence numbers.
_LAST = 0xFFFFFFFF


def ask(bench: Workbench) -> Reply:
    """Set each, look at what is shown, and send packets where that tells."""
    family = bench.families[0]
    shown = [(f"flag {name}", _flag(bench, family, value)) for name, value in _FLAGS.items()]
    shown += [(f"extra flag {name}", _extra(bench, family, bits)) for name, bits in _EXTRA.items()]
    cases = list(shown)
    for each in bench.families:
        for name, flags in (("", 0), (", wildrecv", _FLAGS["wildrecv"])):
            cases.append((f"{each.label}, a packet goes out{name}", _out(bench, each, flags)))
        for name, bits in (("", 0), (", oseq-may-wrap", 2)):
            cases.append((f"{each.label}, behind the last number{name}", _wrap(bench, each, bits)))
    proves = {outcome for case, outcome in shown if case != "flag esn"}
    return Reply("no, all are taken" if proves == {"taken, shown again"} else UNCLEAR, tuple(cases))


def _flag(bench: Workbench, family: Family, value: int) -> str:
    bench.clear()
    sa = bench.pair(family, tunnel=True, flags=value).there
    outcome = tried(bench.a.add, sa)
    if outcome != "ok":
        return outcome
    return _again(bench.a.show(sa).fields["flags"] == value)


def _extra(bench: Workbench, family: Family, value: int) -> str:
    bench.clear()
    bits = struct.pack("I", value)
    sa = bench.pair(family, more=(("SA_EXTRA_FLAGS", bits),)).there
    outcome = tried(bench.a.add, sa)
    if outcome != "ok":
        return outcome
    return _again(bench.a.show(sa).attributes.get("SA_EXTRA_FLAGS") == bits)


def _again(same: bool) -> str:
    return "taken, shown again" if same else "taken, not shown"


def _out(bench: Workbench, family: Family, flags: int) -> str:
    bench.clear()
    network = bench.network
    pair = bench.pair(family, flags=flags)
    bench.a.add(pair.there, pair.policies(network.a)[0])
    return _leaves(bench, pair)


def _wrap(bench: Workbench, family: Family, bits: int) -> str:
    bench.clear()
    network = bench.network
    # struct xfrm_replay_state: sent, seen, bitmap
    more = [("REPLAY_VAL", struct.pack("3I", _LAST, 0, 0))]
    more += [("SA_EXTRA_FLAGS", struct.pack("I", bits))] if bits else []
    pair = bench.pair(family, window=0, more=tuple(more))
    bench.a.add(pair.there, pair.policies(network.a)[0])
    return _leaves(bench, pair)


def _leaves(bench: Workbench, pair: Pair) -> str:
    """What becomes of a packet."""
    network = bench.network
    wire, counters = bench.wire(network.a), bench.counters(network.a)
    ours, theirs = bench.sockets(pair)
    with ours, theirs:
        outcome = tried(ours.sendto, TEXT, (pair.end(network.b), PORT))
    seconds = COMES if outcome == "ok" and not counters.now() else 0
    if wire.next(lambda packet: TEXT not in packet.payload, seconds):
        return "leaves"
    return f"{outcome}, {in_words(counters.now())}"
