# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of ECN and DSCP in a tunnel?

Wanted: DSCP copied outwards, not inwards; ECN copied outwards, and congestion met on the way told
inside (RFC 4301, 5.1.2; RFC 6040 copies CE outwards, too).

Kernels: all are as RFC 3168 wants it: CE goes out as ECT(0). The flag noecn leaves ECN alone at
both ends, decap-dscp copies DSCP inwards, dont-encap-dscp keeps DSCP, and not ECN, from going
outwards.

Pluto: has options for decap-dscp and for encap-dscp; ECN is as the kernel has it.

Charon: copy_ecn and copy_dscp set these flags.
"""

import struct

from modprobe_ipsec.lab.workbench import Workbench
from modprobe_ipsec.probes import _effects as effects
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply

# XFRM_STATE_*; XFRM_SA_XFLAG_DONT_ENCAP_DSCP
_NOECN, _DECAP_DSCP = {"flags": 1}, {"flags": 2}
_DONT_ENCAP_DSCP = {"more": (("SA_EXTRA_FLAGS", struct.pack("I", 1)),)}


def ask(bench: Workbench) -> Reply:
    """Look at both fields outside of packets of all kinds, and inside of what comes out."""
    cases = []
    out = f"{effects.EF_CE:#x} inside"
    back = f"{effects.EF_ECT:#x} inside, {effects.OTHER_CE:#x} comes outside"
    for family in bench.families:
        for look, case, name, change in (
            (effects.outer_field, out, "", {}),
            (effects.outer_field, out, ", noecn", _NOECN),
            (effects.outer_field, out, ", dont-encap-dscp", _DONT_ENCAP_DSCP),
            (effects.inner_field, back, "", {}),
            (effects.inner_field, back, ", noecn", _NOECN),
            (effects.inner_field, back, ", decap-dscp", _DECAP_DSCP),
        ):
            seen = look(bench, family, effects.with_fields(**change))
            cases.append((f"{family.label}, {case}{name}", seen))
    plain = {outcome for case, outcome in cases if case.endswith(out)}
    answers = {"0xba outside": "as RFC 3168", "0xbb outside": "as RFC 6040"}
    answer = answers.get(plain.pop(), UNCLEAR) if len(plain) == 1 else UNCLEAR
    return Reply(answer, tuple(cases))
