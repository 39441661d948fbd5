# SPDX-License-Identifier: GPL-3.0-or-later
"""iked.conf: its policies -> what they ask of the kernel, and what comes to nothing on Linux.

source: iked/parse.y, iked/ikev2.c, iked/pfkey.c; seen with 7.2 and 7.4
"""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.base.text import cut
from modprobe_ipsec.base.text import name as show_name
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Family, KernelInterface, Protocol
from modprobe_ipsec.daemons.common.descriptor import Context
from modprobe_ipsec.daemons.common.networks import networks
from modprobe_ipsec.daemons.iked import DAEMON
from modprobe_ipsec.daemons.iked.parser import parse
from modprobe_ipsec.daemons.iked.policy import IkedPolicy
from modprobe_ipsec.daemons.iked.proposals import Offers
from modprobe_ipsec.daemons.iked.tables import tables
from modprobe_ipsec.needs.need import Mode, Need, Source, Suite, collect
from modprobe_ipsec.needs.reading import Files, IgnoredConnection, Problem, Reading

# Characters of a clause that a source shows.
_SHOWN = 200
_IPCOMP = (
    "`ipcomp` works on no Linux: the SA of ESP is made in transport mode and the policy asks for "
    "one in tunnel mode, so nothing crosses; `iked -n` calls the file OK"
)


class _Group(Value):
    """What policies may have in common."""

    suites: tuple[Suite, ...]
    families: tuple[Family, ...]
    mode: Mode


def read(path: str, files: Files, context: Context) -> Reading:
    """Read iked.conf and all that it includes. Raises ConfigError if there is nothing to read."""
    words = tables(context.tree(DAEMON.name), context.release)
    conf = parse(path, files, words)
    refused = "iked refuses the whole file for it, and does not start"
    problems = [
        Problem(mistake.place, "", f"{mistake.text}; {refused}", refuses=True)
        for mistake in conf.mistakes
    ]
    reader = _Reader(context, {p: Offers(p, context.catalog, words) for p in _PROTOCOLS})
    silent = []
    for policy in conf.policies:
        if conf.decoupled:
            why = "`set decouple`: iked negotiates, and sets up no SA in the kernel"
            silent.append(IgnoredConnection(policy.place, policy.name, why))
            continue
        if ignored := reader.add(policy):
            silent.append(ignored)
    return Reading(
        needs=collect(reader.needs()),
        features=DAEMON.start_needs,
        problems=(*problems, *reader.problems),
        silent=tuple(silent),
    )


_PROTOCOLS = (Protocol.ESP, Protocol.AH)


class _Reader:
    """Collects what policies ask for."""

    def __init__(self, context: Context, offers: dict[Protocol, Offers]) -> None:
        self.problems: list[Problem] = []
        self._families = context.families
        self._offers = offers
        self._groups: dict[_Group, dict[Source, None]] = {}

    def add(self, policy: IkedPolicy) -> IgnoredConnection | None:
        """One more policy; why it asks for nothing, if it is left out."""
        families = tuple(f for f in self._families if f in policy.families)
        if not families:
            has = " and ".join(family.label for family in policy.families)
            why = f"its addresses are {has} only, which is left out"
            return IgnoredConnection(policy.place, policy.name, why)
        if policy.ipcomp:
            self.problems.append(Problem(policy.place, policy.name, _IPCOMP))
            return None
        mode = Mode.TRANSPORT if policy.transport else Mode.TUNNEL
        forwards = () if policy.transport else networks(" ".join(policy.sources))
        offers = self._offers[policy.protocol]
        found = [(clause.place, clause.text, offers.of(clause)) for clause in policy.clauses]
        if not found:
            found = [(policy.place, offers.default_text, offers.default())]
        shown = show_name(policy.name)
        lost = not any(outcome.suites for _, _, outcome in found)
        for place, text, outcome in found:
            # without any that works, each of them is why the policy is lost
            conn = policy.name if lost else ""
            self.problems += (Problem(place, conn, trap) for trap in outcome.traps)
            if outcome.suites:
                source = Source(
                    where=f"{place} ikev2 {shown}",
                    text=cut(text, _SHOWN),
                    daemon=DAEMON.name,
                    forwards=forwards,
                    conn=shown,
                    place=str(place),
                )
                group = _Group(outcome.suites, families, mode)
                self._groups.setdefault(group, {})[source] = None
        return None

    def needs(self) -> Iterator[tuple[Need, dict[Source, None]]]:
        """What all of them ask for."""
        for group, sources in self._groups.items():
            for suite in group.suites:
                for family in group.families:
                    yield Need(suite, family, (), group.mode, KernelInterface.PF_KEY), sources
