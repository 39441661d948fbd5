# SPDX-License-Identifier: GPL-3.0-or-later
"""What iked.conf says, as values: policies, with what they offer for their SAs."""

from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.needs.reading import Place


class Clause(Value):
    """One `ikesa` or `childsa`: words of the tables, one list of alternatives a kind.

    Where a list is empty, iked's default of that kind takes its place.
    """

    place: Place
    enc: tuple[str, ...] = ()
    auth: tuple[str, ...] = ()
    prf: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    # `esn` and `noesn`.
    esn: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As it may be written."""
        words = [("enc", self.enc), ("auth", self.auth), ("prf", self.prf), ("group", self.group)]
        parts = [f"{kind} {word}" for kind, found in words for word in found]
        return " ".join((*parts, *self.esn))


class IkedPolicy(Value):
    """One `ikev2` rule."""

    place: Place
    name: str
    protocol: Protocol
    ipcomp: bool
    transport: bool
    # Outer address families; both where the other end may be anybody.
    families: tuple[Family, ...]
    # What stands behind `from`, of all its flows.
    sources: tuple[str, ...]
    # Those of `childsa`; without any, iked offers its default.
    clauses: tuple[Clause, ...]


class Mistake(Value):
    """What iked refuses the file for."""

    place: Place
    text: str


class IkedConf(Value):
    """All of it. The policies are those that can be read, whatever mistakes there are elsewhere."""

    policies: tuple[IkedPolicy, ...]
    mistakes: tuple[Mistake, ...]
    # `set decouple`: nothing that is negotiated goes into the kernel.
    decoupled: bool
