# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the kernel hand out an SPI that another SA has already?

Wanted: an SPI alone tells a unicast SA (RFC 4301, 4.1): what ALLOCSPI reserves should be in use
nowhere.

Kernels: 6.12 and later refuse an SPI that is in use, whatever the address, and so do late updates
of 6.1 (6.1.192, not 6.1.176); older ones give it out again for another address. NEWSA asks nobody,
on any kernel.

Pluto: a refused SPI is to be tried again with another one.

Charon: the same; SPIs that it chooses itself are not compared.
"""

from modprobe_ipsec.lab.states import Association
from modprobe_ipsec.lab.workbench import Workbench, gcm
from modprobe_ipsec.probes._behaviour import Reply, tried


def ask(bench: Workbench) -> Reply:
    """Make an SA, and reserve its SPI for other addresses."""
    cases = []
    for family in bench.families:
        bench.clear()
        pair = bench.pair(family)
        bench.b.add(pair.there)
        same = pair.there.spi
        other = Association(pair.there.source, bench.network.b.inside(family), same, (gcm(),))
        of = "of a used SPI for another address"
        reserved = tried(bench.b.reserve, other)
        made = tried(bench.b.add, other)
        cases += [
            (f"{family.label}, ALLOCSPI {of}", reserved),
            (f"{family.label}, NEWSA {of}", made),
        ]
    refused = [outcome for case, outcome in cases if "ALLOCSPI" in case]
    return Reply("yes" if "ok" in refused else "no", tuple(cases))
