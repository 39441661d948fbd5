# SPDX-License-Identifier: GPL-3.0-or-later
"""What connections ask of the kernel, collected: the same for swanctl.conf and ipsec.conf.

source: src/libcharon/sa/child_sa.c install_internal, sa/ikev2/tasks/child_create.c;
        src/libcharon/plugins/kernel_netlink/kernel_netlink_ipsec.c add_sa
"""

from modprobe_ipsec.base.annotations import Collection, Iterable, Iterator, Mapping
from modprobe_ipsec.base.text import name as show_name
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog, Family, KernelInterface, Protocol
from modprobe_ipsec.daemons.strongswan import DAEMON
from modprobe_ipsec.daemons.strongswan.daemon import DaemonConf
from modprobe_ipsec.daemons.strongswan.options import StrongswanOptions
from modprobe_ipsec.daemons.strongswan.values import Values
from modprobe_ipsec.needs.need import Choice, FeatureNeed, Mode, Need, Source, Suite, collect
from modprobe_ipsec.needs.reading import IgnoredConnection, Place, Problem, Reading

_IN_USER_SPACE = "kernel-libipsec encrypts in user space; no SA in the kernel, no algorithms"
# Characters of a value that a source carries.
_SHOWN = 4096


class RejectedConnection(Exception):
    """A connection that the daemon does not load, and why."""

    def __init__(self, place: Place, text: str) -> None:
        super().__init__(text)
        self.place, self.text = place, text


class Offer(Value):
    """Proposals for one protocol; None stands for the defaults."""

    protocol: Protocol
    text: str | None
    place: Place


class Child(Value):
    """What one child of a connection asks for."""

    # `gw children net`
    name: str
    place: Place
    offers: tuple[Offer, ...]
    # As the option says it.
    mode: str
    families: frozenset[Family]
    ipcomp: Place | None
    sha256_96: bool
    # None: as the daemon has it.
    replay_window: int | None
    # Options that may ask for a feature, with their places.
    options: Mapping[str, tuple[str, Place]]
    # Families of the networks behind this host.
    networks: tuple[Family, ...] = ()
    # Whether the peer is known to take the mode.
    agreed: bool = False


class _Group(Value):
    """Offers with the same outcome: worked out once, however many connections share them."""

    protocol: Protocol
    text: str | None
    mode: str
    families: tuple[Family, ...]
    ipcomp: bool
    sha256_96: bool
    esn: bool
    agreed: bool


class Asks:
    """Takes children, and gives the reading."""

    def __init__(
        self,
        catalog: Catalog,
        options: StrongswanOptions,
        values: Values,
        families: Iterable[Family],
        daemon_conf: DaemonConf,
    ) -> None:
        self.problems: list[Problem] = []
        self.silent: list[IgnoredConnection] = []
        self._catalog, self._options, self._values = catalog, options, values
        self._families = tuple(families)
        # Problems of several connections, each of which is said once.
        self._said: set[str] = set()
        self._daemon_conf = daemon_conf
        is_pf_key = daemon_conf.kernel == "pfkey"
        self._interface = KernelInterface.PF_KEY if is_pf_key else KernelInterface.XFRM
        self._open: dict[frozenset[Family], tuple[Family, ...]] = {}
        self._groups: dict[_Group, dict[Source, None]] = {}
        self._lacks = frozenset[str]().union(
            *(p.lacks for p in options.plugins.values() if p.kernel == daemon_conf.kernel)
        )
        self._compress: dict[tuple[str, tuple[Family, ...]], dict[Source, None]] = {}
        self._features: dict[tuple[str, Family | None], dict[Source, None]] = {}

    def add(self, child: Child) -> None:
        """One more child, of a connection that the daemon loads."""
        if child.mode in self._options.shunts:
            self.silent.append(
                IgnoredConnection(child.place, child.name, self._options.shunts[child.mode])
            )
            return
        families = self._open.get(child.families)
        if families is None:
            families = tuple(f for f in self._families if f in child.families)
            self._open[child.families] = families
        if not families:
            has = " and ".join(family.label for family in child.families)
            why = f"its addresses are {has} only, which is left out"
            self.silent.append(IgnoredConnection(child.place, child.name, why))
            return
        if self._daemon_conf.kernel == "libipsec":
            self._in_user_space(child)
            return
        if self._lacks and not self._can(child):
            return
        window = child.replay_window
        window = self._daemon_conf.replay_window if window is None else window
        for offer in child.offers:
            group = _Group(
                offer.protocol,
                offer.text,
                child.mode,
                families,
                child.ipcomp is not None,
                child.sha256_96,
                # charon then leaves out the attribute that would switch it on
                window != 0,
                child.agreed,
            )
            text = offer.text
            text = self._values.default_text(offer.protocol) if text is None else text[:_SHOWN]
            source = _source(offer.place, child.name, text)._replace(forwards=child.networks)
            self._groups.setdefault(group, {})[source] = None
        if child.ipcomp:
            source = _source(child.ipcomp, child.name, "compression")
            self._compress.setdefault((child.mode, families), {})[source] = None
        for option, (value, place) in child.options.items():
            self._ask(child, option, value, place, families)

    def lost(self, name: str, lost: RejectedConnection) -> None:
        """A connection that the daemon does not load."""
        self.problems.append(Problem(lost.place, name, lost.text))

    def reading(self, problems: Iterable[Problem]) -> Reading:
        """All of it; the problems of the files come first."""
        return Reading(
            collect(self._needs()),
            tuple(
                FeatureNeed(feature, family, tuple(sources))
                for (feature, family), sources in self._features.items()
            ),
            (*problems, *self.problems),
            tuple(self.silent),
        )

    def _in_user_space(self, child: Child) -> None:
        if all(offer.protocol is not Protocol.ESP for offer in child.offers):
            text = "kernel-libipsec knows no AH; use esp_proposals, or kernel-netlink"
            self.problems.append(Problem(child.place, child.name, text))
        else:
            self.silent.append(IgnoredConnection(child.place, child.name, _IN_USER_SPACE))

    def _can(self, child: Child) -> bool:
        """Whether this way to the kernel has any of its suites; what it has not is a problem."""
        suites = [s for o in child.offers for s in self._values.suites(o.text, o.protocol)]
        lacking = {name: None for suite in suites for name in self._lacking(suite, child.sha256_96)}
        if lacking:
            none = all(self._lacking(suite, child.sha256_96) for suite in suites)
            text = f"kernel-{self._daemon_conf.kernel} sets up no SA with {', '.join(lacking)}"
            text += "" if none else ", which a peer may choose"
            text += "; leave IPsec to kernel-netlink"
            problem = Problem(child.offers[0].place, child.name if none else "", text)
            if none or text not in self._said:
                self._said.add(text)
                self.problems.append(problem)
            return not none
        return True

    def _lacking(self, suite: Suite, sha256_96: bool) -> list[str]:
        if not self._lacks:
            return []
        suite = self._truncated(suite) if sha256_96 else suite
        choices = filter(None, (suite.encryption, suite.integrity))
        return [choice.transform.name for choice in choices if choice.transform.name in self._lacks]

    def _ask(
        self, child: Child, option: str, value: str, place: Place, families: tuple[Family, ...]
    ) -> None:
        ask = self._options.asks[option]
        if value.lower() in ask.quiet:
            why = f"{option} = {value}: {ask.quiet[value.lower()]}"
            self.silent.append(IgnoredConnection(place, child.name, why))
        elif self._values.asks(ask.pattern, value):
            shown = f"{option} = {value}" if self._options.is_plain(value) else option
            source = _source(place, child.name, shown)
            feature = ask.instead.get(value.lower(), ask.feature)
            for family in families if ask.families else (None,):
                self._features.setdefault((feature, family), {})[source] = None

    def _needs(self) -> Iterator[tuple[Need, Collection[Source]]]:
        """Of each group all suites in all modes."""
        for group, sources in self._groups.items():
            for suite in self._suites(group):
                for mode in self._modes(group):
                    if mode is Mode.IPTFS and suite.protocol is not Protocol.ESP:
                        continue
                    for family in group.families:
                        yield Need(suite, family, (), mode, self._interface), sources
        deflate = Suite(Protocol.COMP, Choice(self._catalog.transforms["DEFLATE"], 0), None)
        for (name, families), sources in self._compress.items():
            for mode in self._options.modes[name]:
                # the kernel compresses in these modes only
                if mode in (Mode.TUNNEL, Mode.TRANSPORT):
                    for family in families:
                        yield Need(deflate, family, (), mode, self._interface), sources

    def _modes(self, group: _Group) -> tuple[Mode, ...]:
        modes = self._options.modes[group.mode]
        if group.agreed:
            return modes[:1]
        if group.ipcomp and Mode.TRANSPORT not in modes:
            # beside IPComp, which then makes the tunnel; without it if the peer declines
            return (Mode.TRANSPORT, *modes)
        return modes

    def _suites(self, group: _Group) -> Iterable[Suite]:
        suites: Iterable[Suite] = self._values.suites(group.text, group.protocol)
        if not group.esn:
            suites = dict.fromkeys(suite._replace(esn=False) for suite in suites)
        if group.sha256_96:
            suites = dict.fromkeys(self._truncated(suite) for suite in suites)
        return [suite for suite in suites if not self._lacking(suite, False)]

    def _truncated(self, suite: Suite) -> Suite:
        """The option sha256_96 = yes."""
        if suite.integrity and suite.integrity.transform.name == "HMAC_SHA2_256_128":
            transform = self._catalog.transforms["HMAC_SHA2_256_96"]
            return suite._replace(integrity=Choice(transform, suite.integrity.key_bits))
        return suite


def wrong(option: str, what: str) -> str:
    """How a problem tells of a wrong value, which may be anybody's secret."""
    return f"`{option}`: {what}; strongSwan does not load this connection"


def _source(place: Place, child: str, text: str) -> Source:
    shown = show_name(child)
    return Source(f"{place} {shown}", text, DAEMON.name, conn=shown, place=str(place))
