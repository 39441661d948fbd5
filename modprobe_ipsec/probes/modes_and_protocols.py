# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modes and protocols can an SA have?

Wanted: what is taken carries packets.

Kernels: ESP and AH go in transport, tunnel and BEET mode, IPComp in the first two; but AH in BEET
mode writes over the head of what is inside on IPv4, on all kernels that were asked. Route
optimisation and its protocols are of Mobile IPv6, on IPv6 alone; in_trigger is no mode of an SA at
all. IP-TFS is refused before 6.14; later a kernel without its code takes it and carries nothing.
Templates of policies may be of any mode, whether an SA can have it or not.

Pluto: a policy that is taken says nothing about the SA.

Charon: the same.
"""

import os
import struct

from modprobe_ipsec.catalog.model import Family, Protocol, XfrmTable
from modprobe_ipsec.catalog.xfrm_names import XfrmName
from modprobe_ipsec.kernel.loaded import is_there
from modprobe_ipsec.kernel.sa import SaAlgorithm
from modprobe_ipsec.lab.packets import AH, COMP, ESP
from modprobe_ipsec.lab.pair import PORT, Pair
from modprobe_ipsec.lab.states import IPTFS, SA_IN
from modprobe_ipsec.lab.workbench import DELIVERED, TEXT, Workbench, gcm
from modprobe_ipsec.probes._behaviour import Reply, tried
from modprobe_ipsec.probes._names import names, refusal

# Compressed only if it is long (net/xfrm/xfrm_algo.c: 90 bytes).
_LONG = TEXT * 20

_MOBILE = ("route2", "hao")
TAKES = (Protocol.AH, Protocol.COMP)


def ask(bench: Workbench) -> Reply:
    """Make SAs of all protocols in all modes, and send a packet through what is taken."""
    cases = []
    carried = set()
    for family in bench.families:
        for protocol in names("protocols"):
            if family is Family.IPV6 and protocol.name in _MOBILE and not is_there("mip6"):
                why = "not asked, as the kernel would have to load mip6"
                cases.append((f"{family.label}, {protocol.name}", why))
                continue
            for mode in names("modes"):
                seen = _tried(bench, family, protocol, mode)
                cases.append((f"{family.label}, {protocol.name} {mode.name}", seen))
                carried |= {mode.name} if seen == DELIVERED else set()
            cases.append(
                (
                    f"{family.label}, template of {protocol.name}",
                    _templates(bench, family, protocol),
                )
            )
    order = [mode.name for mode in names("modes") if mode.name in carried]
    return Reply(", ".join(order) or "none", tuple(cases))


def _algorithms(protocol: int) -> tuple[SaAlgorithm, ...]:
    if protocol == ESP:
        return (gcm(),)
    if protocol == AH:
        return (SaAlgorithm(XfrmTable.AUTH, "hmac(sha256)", 256, 128, os.urandom(32)),)
    if protocol == COMP:
        return (SaAlgorithm(XfrmTable.COMP, "deflate", 0, 0),)
    return ()


def _pair(bench: Workbench, family: Family, protocol: int, mode: int) -> Pair:
    window = 0 if protocol not in (ESP, AH) else 32
    # those of Mobile IPv6 have none
    spi = 0x1000 if protocol in (ESP, AH, COMP) else 0
    pair = bench.pair(
        family,
        protocol=protocol,
        mode=mode,
        window=window,
        spi=spi,
        algorithms=_algorithms(protocol),
    )
    if mode == IPTFS:
        sa = pair.there.plus("SA_DIR", bytes((SA_IN,)))
        return pair._replace(there=sa.plus("IPTFS_DROP_TIME", struct.pack("I", 1000)))
    if protocol not in (ESP, AH, COMP):
        return pair._replace(there=pair.there.plus("COADDR", bytes(16)))
    return pair


def _tried(bench: Workbench, family: Family, protocol: XfrmName, mode: XfrmName) -> str:
    bench.clear()
    pair = _pair(bench, family, protocol.value, mode.value)
    network = bench.network
    sa = pair.out_of(network.a)
    if refused := refusal(bench.b.add, sa):
        return refused
    if mode.value == IPTFS:
        kept = "IPTFS_DROP_TIME" in bench.b.show(sa).attributes
        return f"taken, options {'kept' if kept else 'forgotten'}; no packet, as {mode.unseen}"
    if unseen := protocol.unseen or mode.unseen:
        return f"taken; no packet, as {unseen}"
    bench.b.add(pair.policies(network.b)[1])
    bench.a.add(sa, pair.policies(network.a)[0])
    counters = bench.counters(network.b)
    ours, theirs = bench.sockets(pair)
    with ours, theirs:
        outcome = tried(ours.sendto, _LONG, (pair.end(network.b), PORT))
        return outcome if outcome != "ok" else bench.fate(theirs, counters)


def _templates(bench: Workbench, family: Family, protocol: XfrmName) -> str:
    """Of which modes they may be."""
    taken: list[str] = []
    refused: list[str] = []
    for mode in names("modes"):
        bench.clear()
        pair = _pair(bench, family, protocol.value, mode.value)
        why = refusal(bench.a.add, pair.policies(bench.network.a)[0])
        if why:
            refused.append(f"{mode.name} {why}" if taken else why)
        else:
            taken.append(mode.name)
    if not taken and len(set(refused)) == 1:
        return refused[0]
    return "; ".join([", ".join(taken), *refused])
