# SPDX-License-Identifier: GPL-3.0-or-later
"""SAs in both directions between the two hosts, with the policies that use them."""

import struct

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.lab.network import LabHost, Network
from modprobe_ipsec.lab.packets import UDP
from modprobe_ipsec.lab.states import (
    BEET,
    IN,
    OUT,
    TRANSPORT,
    Association,
    Policy,
    Selector,
    Template,
    XfrmSocket,
)

IF_ID = 7
PORT = 9


class Pair(Value):
    """Two SAs, and between which addresses packets go through them."""

    network: Network
    family: Family
    # From a to b, from b to a.
    there: Association
    back: Association
    # Through an XFRM interface.
    if_id: int = 0
    # Which packets: IPPROTO_*, 0 for all; and from and to which port. UDP as a whole would catch
    # ESP in UDP, too: daemons let their socket pass (IP_XFRM_POLICY).
    proto: int = UDP
    port: int = PORT

    def end(self, host: LabHost) -> str:
        """The address of a host's own packets."""
        if self.there.mode == TRANSPORT:
            return host.outside(self.family)
        return host.inside(self.family, 2 if self.if_id else 1)

    def selector(self, sender: LabHost) -> Selector:
        """The packets that this host sends."""
        length = 128 if self.family is Family.IPV6 else 32
        source, destination = self.end(sender), self.end(self.network.other(sender))
        ports = (self.port, self.port)
        return Selector(f"{source}/{length}", f"{destination}/{length}", self.proto, *ports)

    def out_of(self, sender: LabHost) -> Association:
        """The SA for what this host sends."""
        sa = self.there if sender is self.network.a else self.back
        if sa.mode == BEET:
            # its addresses inside are those of the selector
            sa = sa._replace(selector=self.selector(sender)._replace(proto=0, sport=0, dport=0))
        return sa.plus("IF_ID", struct.pack("I", self.if_id)) if self.if_id else sa

    def policies(self, host: LabHost) -> tuple[Policy, Policy]:
        """Out and in, of this host."""
        more = (("IF_ID", struct.pack("I", self.if_id)),) if self.if_id else ()
        made = []
        for direction, sender in ((OUT, host), (IN, self.network.other(host))):
            sa = self.out_of(sender)
            template = Template(sa.source, sa.destination, sa.mode, sa.protocol, sa.reqid)
            made.append(Policy(self.selector(sender), direction, (template,), more=more))
        return made[0], made[1]

    def install(
        self,
        a: XfrmSocket,
        b: XfrmSocket,
        at_b: Callable[[Association], Association] = lambda sa: sa,
    ) -> None:
        """Make all of it; `at_b` changes the SA by which b receives. Raises OSError."""
        network = self.network
        there, back = self.out_of(network.a), self.out_of(network.b)
        a.add(there, back, *self.policies(network.a))
        b.add(at_b(there), back, *self.policies(network.b))


def between(network: Network, family: Family, sa: Association, **more: int) -> Pair:
    """A pair of an SA and its counterpart with the next SPI, whose addresses are filled in."""
    a, b = network.a.outside(family), network.b.outside(family)
    return Pair(
        network,
        family,
        sa._replace(source=a, destination=b),
        sa._replace(source=b, destination=a, spi=sa.spi + 1),
        **more,
    )
