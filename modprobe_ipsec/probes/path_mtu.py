# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a tunnel tell senders that a packet is too big?

Wanted: DF of the packet goes onto the tunnel unless it is to be cleared (RFC 4301, 8.1), and who
sends too much hears so.

Kernels: all copy DF for IPv4; with the flag nopmtudisc it is clear, and IPv6 has none. A sender on
the same host gets EMSGSIZE, whatever the flag says.

Pluto: sets the flag nopmtudisc by its option of that name; ICMP errors must be let through for all
else.

Charon: copy_df decides it.
"""

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.lab.pair import PORT
from modprobe_ipsec.lab.workbench import TEXT, Workbench, set_options
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply, tried

# IP_MTU_DISCOVER, IPV6_MTU_DISCOVER; IP_PMTUDISC_DONT and _DO
_DISCOVER = {Family.IPV4: 10, Family.IPV6: 23}
_DONT, _DO = 0, 2
# XFRM_STATE_NOPMTUDISC
_NOPMTUDISC = 4
# Fits the wire, and not the tunnel.
_TOO_BIG = TEXT * 112


def ask(bench: Workbench) -> Reply:
    """Send packets with and without DF through SAs with and without the flag."""
    cases = []
    for family in bench.families:
        for name, flags in (("", 0), (", nopmtudisc", _NOPMTUDISC)):
            pair = bench.pair(family, tunnel=True, flags=flags)
            if family is Family.IPV4:
                for inner, wanted in (("DF", _DO), ("no DF", _DONT)):
                    frames = bench.frames(pair, 1, [(_DISCOVER[family], wanted)])
                    outer = {True: "DF", False: "no DF"}[frames[0].df] if frames else "lost"
                    cases.append((f"{family.label}, packet with {inner}{name}", f"outside {outer}"))
            bench.clear()
            bench.a.add(pair.there, pair.policies(bench.network.a)[0])
            ours, theirs = bench.sockets(pair)
            with ours, theirs:
                set_options(ours, [(_DISCOVER[family], _DO)])
                outcome = tried(ours.sendto, _TOO_BIG, (pair.end(bench.network.b), PORT))
            cases.append((f"{family.label}, too big for the tunnel{name}", outcome))
    seen = dict(cases)
    told = all(outcome == "EMSGSIZE" for case, outcome in cases if "too big" in case)
    copied = (seen["IPv4, packet with DF"], seen["IPv4, packet with no DF"])
    known = copied == ("outside DF", "outside no DF") and told
    return Reply("yes, by DF and EMSGSIZE" if known else UNCLEAR, tuple(cases))
