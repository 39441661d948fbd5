# SPDX-License-Identifier: GPL-3.0-or-later
"""Which attributes and levels of policies have an effect?

Wanted: what is taken is heeded.

Kernels: all take attributes that they do not know, and forget them. A policy with a mark, or for an
interface, leaves other packets alone: where it is the only one, they go out in the clear. An
optional template (`level use`) lets them out in the clear, too.

Pluto: a policy for an interface (`ipsec-interface=`) protects nothing that takes another way.

Charon: the same for if_id_in, if_id_out and mark.
"""

from contextlib import suppress

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.catalog.xfrm_names import XfrmName
from modprobe_ipsec.kernel.netlink import attribute
from modprobe_ipsec.lab.messages import Template, unpack
from modprobe_ipsec.lab.states import FLUSHPOLICY, Policy
from modprobe_ipsec.lab.workbench import Workbench
from modprobe_ipsec.probes import _effects as effects
from modprobe_ipsec.probes._behaviour import Reply
from modprobe_ipsec.probes._names import FORGOTTEN, SHOWN, names, refusal, with_effect

_EFFECTS = {
    "MARK": effects.as_policy_says,
    "IF_ID": effects.as_policy_says,
    "use": effects.without_sa,
}


def ask(bench: Workbench) -> Reply:
    """Give each to a policy, look at what is shown, and send a packet with and without it."""
    cases = []
    effective = set()
    for family in bench.families:
        for kind, change_for, taken_as in (
            ("", _with_attribute, _attribute_taken),
            ("level ", _with_level, _level_taken),
        ):
            for name in names("levels" if kind else "policy attributes"):
                change = change_for(name)
                taken = taken_as(bench, family, name, change)
                seen = with_effect(bench, family, name, taken, change, _EFFECTS)
                cases.append((f"{family.label}, {kind}{name.name}", seen))
                if "effective" in seen:
                    effective.add(f"{kind}{name.name}")
    return Reply(", ".join(sorted(effective)) or "none", tuple(cases))


def _with_attribute(name: XfrmName) -> Callable[[Policy], Policy]:
    return lambda policy: policy._replace(more=(*policy.more, (name.name, name.data)))


def _with_level(name: XfrmName) -> Callable[[Policy], Policy]:
    optional = bool(name.value)
    return lambda policy: policy._replace(
        templates=tuple(each._replace(optional=optional) for each in policy.templates)
    )


def _attribute_taken(
    bench: Workbench, family: Family, name: XfrmName, change: Callable[[Policy], Policy]
) -> str:
    if name.unasked:
        return ""
    bench.clear()
    if refused := _refused(bench, family, change):
        return refused
    shown = [policy.attributes.get(name.name) for policy in bench.a.policies()]
    # those of another type outlive the others
    with suppress(OSError):
        bench.a.ask(FLUSHPOLICY, attribute(name.value, name.data))
    return SHOWN if shown == [name.data] else FORGOTTEN


def _level_taken(
    bench: Workbench, family: Family, name: XfrmName, change: Callable[[Policy], Policy]
) -> str:
    bench.clear()
    if refused := _refused(bench, family, change):
        return refused
    (shown,) = bench.a.policies()
    template, _ = unpack(Template, shown.attributes["TMPL"])
    return SHOWN if template["optional"] == name.value else FORGOTTEN


def _refused(bench: Workbench, family: Family, change: Callable[[Policy], Policy]) -> str:
    return refusal(bench.a.add, change(bench.pair(family).policies(bench.network.a)[0]))
