# SPDX-License-Identifier: GPL-3.0-or-later
"""Is there IP-TFS?

Wanted: what the kernel takes works (RFC 9347).

Kernels: since 6.14, if built (CONFIG_XFRM_IPTFS; Debian does not). 6.18 to 7.3 take the SA where it
is not built, and forget its options; older ones refuse the mode.

Pluto: an accepted SA proves nothing; its options have to be shown again.

Charon: the same.
"""

import struct

from modprobe_ipsec.lab.states import IPTFS
from modprobe_ipsec.lab.workbench import Workbench
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply, tried


def ask(bench: Workbench) -> Reply:
    """Ask for the SA and look at it; never by a packet (`lab.proof`)."""
    cases = []
    for family in bench.families:
        sa = bench.pair(family, mode=IPTFS).there.plus("SA_DIR", b"\1")
        sa = sa.plus("IPTFS_DROP_TIME", struct.pack("I", 1000))
        outcome = tried(bench.b.add, sa)
        if outcome == "ok":
            kept = "IPTFS_DROP_TIME" in bench.b.show(sa).attributes
            outcome = "taken, options kept" if kept else "taken, options forgotten"
        cases.append((f"{family.label}, an SA", outcome))
    seen = {outcome for _, outcome in cases}
    answers = {
        "EINVAL": "no",
        "taken, options kept": "yes",
        "taken, options forgotten": "no, and it looks so",
    }
    answer = answers.get(seen.pop(), UNCLEAR) if len(seen) == 1 else UNCLEAR
    return Reply(answer, tuple(cases))
