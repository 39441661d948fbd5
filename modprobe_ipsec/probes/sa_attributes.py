# SPDX-License-Identifier: GPL-3.0-or-later
"""Which attributes of SAs does the kernel know?

Wanted: what it takes, it shows again and heeds; what it does not know, it refuses.

Kernels: all take attributes that they do not know, and forget them: SA_DIR before 6.10, keepalives
before 6.11, SA_PCPU before 6.13 (Debian: 6.12.13), IPTFS_* before 6.14. Those of IP-TFS are
forgotten later, too, where it is not built.

Pluto: what GETSA does not show is not there, whatever NEWSA said.

Charon: the same.
"""

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.catalog.xfrm_names import XfrmName
from modprobe_ipsec.lab.states import Association
from modprobe_ipsec.lab.workbench import Workbench
from modprobe_ipsec.probes import _effects as effects
from modprobe_ipsec.probes._behaviour import Reply
from modprobe_ipsec.probes._names import (
    FORGOTTEN,
    SHOWN,
    as_it_takes,
    names,
    refusal,
    with_effect,
)

_EFFECTS = {
    "ENCAP": effects.outer_protocol,
    "LTIME_VAL": effects.at_its_end,
    "REPLAY_VAL": effects.number,
    "REPLAY_THRESH": effects.reported,
    "MARK": effects.goes_out,
    "TFCPAD": effects.outer_length,
    "REPLAY_ESN_VAL": effects.number,
    "SA_EXTRA_FLAGS": effects.outer_field,
    "SET_MARK": effects.arrives_marked,
    "IF_ID": effects.goes_out,
    "SA_DIR": effects.arrives,
}
# Shown in another place: what has gone through the SA, and by GETAE alone.
_ELSEWHERE = {"LTIME_VAL", "REPLAY_THRESH", "ETIMER_THRESH"}


def ask(bench: Workbench) -> Reply:
    """Give each to an SA, look at what is shown, and send a packet with and without it."""
    cases = []
    newest = ""
    for name in names("sa attributes"):
        for family in bench.families:
            change = _with_attribute(name)
            taken = _taken(bench, family, name, change)
            seen = with_effect(bench, family, name, taken, change, _EFFECTS)
            cases.append((f"{family.label}, {name.name}", seen))
        if seen.startswith(SHOWN):
            newest = name.name
    return Reply(f"up to {newest}", tuple(cases))


def _with_attribute(name: XfrmName) -> Callable[[Association], Association]:
    return lambda sa: as_it_takes(sa, name).plus(name.name, name.data)


def _taken(
    bench: Workbench,
    family: Family,
    name: XfrmName,
    change: Callable[[Association], Association],
) -> str:
    if name.unasked:
        return ""
    bench.clear()
    sa = change(bench.pair(family).there)
    if refused := refusal(bench.a.add, sa):
        return refused
    shown = bench.a.show(sa).attributes.get(name.name)
    if shown is None:
        return "taken, shown elsewhere" if name.name in _ELSEWHERE else FORGOTTEN
    return SHOWN if shown == name.data else "taken, shown changed"
