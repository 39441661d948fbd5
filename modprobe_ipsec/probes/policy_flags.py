# SPDX-License-Identifier: GPL-3.0-or-later
"""Which flags of policies do anything?

Wanted: what the kernel takes has an effect, and what it does not know is refused; wishlist: an SA
for each CPU.

Kernels: all take and show every bit, and none does anything for localok. With icmp the kernel's own
ICMP errors about packets of a policy go through its SA. cpu-acquire, since 6.13 (Debian: 6.12.13),
asks for an SA of the CPU that a packet leaves on, while it leaves through one for all.

Pluto: has no need of the first two; `clones=` makes SAs for each CPU without acquires.

Charon: per_cpu_sas sets cpu-acquire; where it has no effect, all goes through one SA.
"""

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.catalog.xfrm_names import XfrmName
from modprobe_ipsec.lab.states import Policy
from modprobe_ipsec.lab.workbench import Workbench
from modprobe_ipsec.probes import _effects as effects
from modprobe_ipsec.probes._behaviour import Reply
from modprobe_ipsec.probes._names import FORGOTTEN, SHOWN, names, refusal, with_effect

_EFFECTS = {
    "localok": effects.with_own_policy,
    "icmp": effects.own_error,
    "cpu-acquire": effects.for_a_cpu,
}


def ask(bench: Workbench) -> Reply:
    """Set each, look at what is shown, and send a packet with and without it."""
    cases = []
    effective = []
    for name in names("policy flags"):
        seen = {}
        for family in bench.families:
            change = _with_flag(name)
            taken = _taken(bench, family, change(bench.pair(family).policies(bench.network.a)[0]))
            seen[family] = with_effect(bench, family, name, taken, change, _EFFECTS)
        cases += [(f"{family.label}, flag {name.name}", said) for family, said in seen.items()]
        if all("effective" in said for said in seen.values()):
            effective.append(name.name)
    return Reply(" and ".join(effective) or "none", tuple(cases))


def _with_flag(name: XfrmName) -> Callable[[Policy], Policy]:
    return lambda policy: policy._replace(flags=name.value)


def _taken(bench: Workbench, family: Family, policy: Policy) -> str:
    bench.clear()
    if refused := refusal(bench.a.add, policy):
        return refused
    (shown,) = bench.a.policies()
    return SHOWN if shown.fields["flags"] == policy.flags else FORGOTTEN
