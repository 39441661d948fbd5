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

import socket
import struct

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.lab.network import until
from modprobe_ipsec.lab.packets import Packet
from modprobe_ipsec.lab.pair import Pair
from modprobe_ipsec.lab.workbench import COMES, Workbench, set_options
from modprobe_ipsec.probes._behaviour import UNCLEAR, Reply

# IP_TOS, IPV6_TCLASS; IP_RECVTOS, IPV6_RECVTCLASS
_TOS = {Family.IPV4: 1, Family.IPV6: 67}
_TELL_TOS = {Family.IPV4: 13, Family.IPV6: 66}
# XFRM_STATE_*; XFRM_SA_XFLAG_DONT_ENCAP_DSCP
_NOECN, _DECAP_DSCP = 1, 2
_DONT_ENCAP_DSCP = ("SA_EXTRA_FLAGS", struct.pack("I", 1))
# Expedited forwarding with CE, with ECT(0); another class with CE
_EF_CE, _EF_ECT, _OTHER_CE = 0xBB, 0xBA, 0x2B


def ask(bench: Workbench) -> Reply:
    """Look at both fields outside of packets of all kinds, and inside of what comes out."""
    cases = []
    for family in bench.families:
        for name, changes in (
            ("", {}),
            (", noecn", {"flags": _NOECN}),
            (", dont-encap-dscp", {"more": (_DONT_ENCAP_DSCP,)}),
        ):
            pair = bench.pair(family, tunnel=True, **changes)
            frames = bench.frames(pair, 1, [(_TOS[family], _EF_CE)])
            outer = f"{frames[0].tos:#04x} outside" if frames else "lost"
            cases.append((f"{family.label}, {_EF_CE:#x} inside{name}", outer))
        for name, flags in (("", 0), (", noecn", _NOECN), (", decap-dscp", _DECAP_DSCP)):
            pair = bench.pair(family, tunnel=True)
            frames = bench.frames(pair, 1, [(_TOS[family], _EF_ECT)])
            case = f"{family.label}, {_EF_ECT:#x} inside, {_OTHER_CE:#x} comes outside{name}"
            sa = pair._replace(there=pair.there._replace(flags=flags))
            changed = [frame._replace(tos=_OTHER_CE) for frame in frames]
            cases.append((case, _inside(bench, sa, changed)))
    plain = {outcome for case, outcome in cases if case.endswith(" inside")}
    answers = {"0xba outside": "as RFC 3168", "0xbb outside": "as RFC 6040"}
    answer = answers.get(plain.pop(), UNCLEAR) if len(plain) == 1 else UNCLEAR
    return Reply(answer, tuple(cases))


def _inside(bench: Workbench, pair: Pair, frames: list[Packet]) -> str:
    """What the receiver's socket is told of a packet's field."""
    bench.b.add(pair.there, pair.policies(bench.network.b)[1])
    wire = bench.wire(bench.network.a)
    ours, theirs = bench.sockets(pair)
    with ours, theirs:
        set_options(theirs, [(_TELL_TOS[pair.family], 1)])
        for frame in frames:
            wire.put(frame)
        heard: list[bytes] = []

        def look() -> bool:
            try:
                _, told, _, _ = theirs.recvmsg(256, socket.CMSG_SPACE(4))
            except BlockingIOError:
                return False
            heard.extend(data for _, kind, data in told if kind == _TOS[pair.family])
            return True

        until(look, COMES)
    return f"{heard[0][0]:#04x} comes out" if heard else "lost"
