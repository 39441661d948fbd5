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

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.catalog.xfrm_names import XfrmName
from modprobe_ipsec.kernel.xfrm import ESN
from modprobe_ipsec.lab.states import Association, with_esn
from modprobe_ipsec.lab.workbench import Workbench
from modprobe_ipsec.probes import _effects as effects
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply
from modprobe_ipsec.probes._names import FORGOTTEN, SHOWN, names, refusal, with_effect

_EFFECTS = {
    "noecn": effects.outer_field,
    "decap-dscp": effects.inner_field,
    "nopmtudisc": effects.outer_df,
    "wildrecv": effects.goes_out,
    "icmp": effects.icmp_comes,
    "af-unspec": effects.other_family,
    "align4": effects.ah_length,
    "esn": effects.beyond_last,
    "dont-encap-dscp": effects.outer_field,
    "oseq-may-wrap": effects.beyond_last,
}

TAKES = (Protocol.AH,)


def ask(bench: Workbench) -> Reply:
    """Set each, look at what is shown, and send a packet with and without it."""
    cases = []
    for family in bench.families:
        for kind, change_for in (("flag", _with_flag), ("extra flag", _with_extra_flag)):
            for name in names(f"{'sa' if kind == 'flag' else 'extra'} flags"):
                change = change_for(name)
                taken = _taken(bench, family, change)
                seen = with_effect(bench, family, name, taken, change, _EFFECTS)
                cases.append((f"{family.label}, {kind} {name.name}", seen))
        alone = _taken(bench, family, lambda sa: sa._replace(flags=ESN, window=0))
        cases.append((f"{family.label}, flag esn, without XFRMA_REPLAY_ESN_VAL", alone))
    unknown = [seen for case, seen in cases if case.endswith("no such flag")]
    all_taken = all(seen.startswith(SHOWN) for seen in unknown)
    return Reply("no, all are taken" if all_taken else UNCLEAR, tuple(cases))


def _with_flag(name: XfrmName) -> Callable[[Association], Association]:
    if name.name == "esn":
        return lambda sa: with_esn(sa, effects.LAST)
    return lambda sa: sa._replace(flags=sa.flags | name.value)


def _with_extra_flag(name: XfrmName) -> Callable[[Association], Association]:
    return lambda sa: sa.plus("SA_EXTRA_FLAGS", struct.pack("I", name.value))


def _taken(bench: Workbench, family: Family, change: Callable[[Association], Association]) -> str:
    bench.clear()
    sa = change(bench.pair(family, tunnel=True).there)
    if refused := refusal(bench.a.add, sa):
        return refused
    shown = bench.a.show(sa)
    extra = "SA_EXTRA_FLAGS"
    same = shown.fields["flags"] == sa.flags
    same &= shown.attributes.get(extra) == dict(sa.more).get(extra)
    return SHOWN if same else FORGOTTEN
