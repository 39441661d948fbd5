# SPDX-License-Identifier: GPL-3.0-or-later
"""The child's part of measuring: as `kernel.ask`, and then many packets through each SA.

Says besides {"clear": family, "speeds": ...} once for each family, and {"measured": number,
"speeds": ..., "why": ...} for each need: speeds are pairs of a size and packets per second in each
round, `why` is what was in the way.
"""

import ctypes
import fcntl
import os
import socket
import struct
from contextlib import closing, suppress

from modprobe_ipsec.base.annotations import Sequence
from modprobe_ipsec.base.text import error_text
from modprobe_ipsec.base.value import once
from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.kernel import ask as by_sas
from modprobe_ipsec.kernel.child import Send
from modprobe_ipsec.kernel.sa import sa_for
from modprobe_ipsec.lab.network import Network
from modprobe_ipsec.lab.pair import PORT, Pair, between
from modprobe_ipsec.lab.states import COMP, IPTFS, XfrmSocket, association
from modprobe_ipsec.lab.throughput import Stream
from modprobe_ipsec.needs.need import AnyNeed, Need
from modprobe_ipsec.needs.proof import Answer, Proof
from modprobe_ipsec.needs.speed import ROUNDS, SIZES

# Speeds as a message has them.
Told = list[tuple[int, tuple[float, ...]]]

# How long one round takes (seconds): all rounds of a need, and its SA, in less than 0.15.
_ROUND = 0.0045
# So that the largest packet passes in one piece, whatever IPsec adds to it.
_MTU = 2000
# include/uapi/linux/sockios.h
_SIOCSIFMTU = 0x8922


class _NotMeasured(Exception):
    """What was measured would not be what was asked for; the text says why."""


def ask(needs: Sequence[AnyNeed], numbers: Sequence[int], send: Send) -> None:
    """Ask for the needs with these numbers and measure what is accepted."""
    bench = once(Bench)
    number_of = {needs[number]: number for number in numbers}
    known: set[Family] = set()

    def enter() -> None:
        bench()

    def more(proof: Proof) -> Proof:
        need = proof.need
        if proof.answer is Answer.ACCEPTED and isinstance(need, Need):
            said = {"measured": number_of[need], "speeds": [], "why": ""}
            try:
                if need.family not in known:
                    known.add(need.family)
                    send({"clear": need.family.value, "speeds": bench().clear(need.family)})
                said["speeds"] = bench().through(need)
            except _NotMeasured as error:
                said["why"] = str(error)
            except OSError as error:
                said["why"] = error.strerror or error_text(error.errno or 0)
            send(said)
        return proof

    by_sas.ask(needs, numbers, send, enter=enter, more=more)


class Bench:
    """The two hosts, on one CPU. Moves the calling process there. Raises OSError."""

    def __init__(self) -> None:
        self._network = Network()
        with self._network.at(self._network.b):
            self._b = XfrmSocket()
        self._a = XfrmSocket()
        _widen(self._network)
        _stay_on_this_cpu()

    def clear(self, family: Family) -> Told:
        """Without IPsec."""
        self._clear()
        network = self._network
        ends = network.a.outside(family), network.b.outside(family)
        with closing(Stream(network, family, ends, PORT, _payload(compressible=False))) as stream:
            return _rounds(stream)

    def through(self, need: Need) -> Told:
        """Through an SA as the need wants it. Raises _NotMeasured, OSError."""
        sa = association(sa_for(need, 0), "", "")
        if sa.mode == IPTFS:
            # net/xfrm/xfrm_output.c has a WARN_ON, of which a host may panic
            raise _NotMeasured("no packet is sent through IP-TFS: a kernel without it warns of one")
        self._clear()
        pair = between(self._network, need.family, sa)
        self._install(pair)
        ends = pair.end(self._network.a), pair.end(self._network.b)
        payload = _payload(compressible=need.suite.protocol is Protocol.COMP)
        with closing(Stream(self._network, need.family, ends, PORT, payload)) as stream:
            speeds = _rounds(stream)
            if need.suite.protocol is not Protocol.COMP:
                # small packets are not compressed, and come as they are
                self._check(pair, stream)
        self._clear()
        return speeds

    def _install(self, pair: Pair) -> None:
        a, b, sa = self._network.a, self._network.b, pair.out_of(self._network.a)
        outgoing, (_, incoming) = pair.policies(a)[0], pair.policies(b)
        (template,) = incoming.templates
        if pair.there.protocol == COMP:
            incoming = incoming._replace(templates=(template._replace(optional=True),))
        self._a.add(sa, outgoing)
        self._b.add(sa, incoming)

    def _check(self, pair: Pair, stream: Stream) -> None:
        sa = pair.out_of(self._network.a)
        counted = (self._a.show(sa).packets, self._b.show(sa).packets)
        if counted != (stream.sent, stream.arrived):
            raise _NotMeasured(
                f"{counted[0]} and {counted[1]} packets went through the SAs, of "
                f"{stream.sent} that were sent and {stream.arrived} that arrived"
            )

    def _clear(self) -> None:
        self._a.clear()
        self._b.clear()


def _rounds(stream: Stream) -> Told:
    """In turns: what disturbs one size for a while disturbs all."""
    found = [[stream.round(size, _ROUND) for size in SIZES] for _ in range(ROUNDS)]
    if not all(map(all, found)):
        raise _NotMeasured("packets do not arrive: --check --prove=packets says where they stay")
    return list(zip(SIZES, zip(*found, strict=True), strict=True))


def _payload(*, compressible: bool) -> bytes:
    return b"some of it " * (max(SIZES) // 11) if compressible else os.urandom(max(SIZES))


def _widen(network: Network) -> None:
    for host in (network.a, network.b):
        with network.at(host), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            asked = struct.pack("16si12x", host.name.encode(), _MTU)
            fcntl.ioctl(any_socket.fileno(), _SIOCSIFMTU, asked)


def _stay_on_this_cpu() -> None:
    """Both ends on the one that we are on: numbers of a process that moves say less."""
    # os.sched_getcpu is not there; a sandbox may forbid to stay
    with suppress(OSError):
        os.sched_setaffinity(0, {ctypes.CDLL(None).sched_getcpu()})
