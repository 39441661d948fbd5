# SPDX-License-Identifier: GPL-3.0-or-later
"""Does an ICMP error that comes out of a tunnel reach who has sent the packet?

Wanted: an error about a packet of the tunnel is taken even from a router that no policy names (RFC
4301, 6.2).

Kernels: only with the flag icmp at the SA that it comes through, if what it quotes, turned round,
fits the policy; all count XfrmInNoPols even then. Errors that are to be forwarded are lost up to
6.1, flag or not, and need none from 6.12 on.

Pluto: without the flag, senders behind the tunnel learn of no smaller path MTU.

Charon: the same.
"""

from modprobe_ipsec.lab.workbench import Workbench
from modprobe_ipsec.probes import _effects as effects
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply

# XFRM_STATE_ICMP
_FLAGS = {"without the flag": 0, "with the flag icmp": 16}
_ANSWER = "only with the flag icmp"


def ask(bench: Workbench) -> Reply:
    """Send an error of a router through the tunnel, with and without the flag."""
    cases = []
    seen: dict[str, set[str]] = {name: set() for name in _FLAGS}
    for family in bench.families:
        for name, flags in _FLAGS.items():
            outcome = effects.icmp_comes(bench, family, effects.with_fields(flags=flags))
            cases.append((f"{family.label}, {name}", outcome))
            seen[name].add(outcome)
        network = bench.network
        network.forward(network.b, family)
        for name, flags in _FLAGS.items():
            change = effects.with_fields(flags=flags)
            outcome = effects.icmp_is_forwarded(bench, family, change)
            cases.append((f"{family.label}, to be forwarded, {name}", outcome))
    known = [{"lost, XfrmInNoPols +1"}, {"told, XfrmInNoPols +1"}]
    return Reply(_ANSWER if list(seen.values()) == known else UNCLEAR, tuple(cases))
