# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a packet of one host arrive at the other?

Wanted: yes.

Kernels: all.

Pluto: nothing new.

Charon: nothing new.
"""

from modprobe_ipsec.lab.network import received
from modprobe_ipsec.lab.workbench import Workbench
from modprobe_ipsec.probes._behaviour import Reply


def ask(bench: Workbench) -> Reply:
    """Send one in each family, without any IPsec."""
    network = bench.network
    cases = []
    for family in bench.families:
        ours, theirs = (
            network.udp(host, host.outside(family), 9) for host in (network.a, network.b)
        )
        with ours, theirs:
            ours.sendto(b"x", (network.b.outside(family), 9))
            cases.append((family.label, "arrives" if received(theirs) else "is lost"))
    return Reply("yes" if {seen for _, seen in cases} == {"arrives"} else "no", tuple(cases))
