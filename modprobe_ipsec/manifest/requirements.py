# SPDX-License-Identifier: GPL-3.0-or-later
"""What the daemon wants around it besides modules: sysctls, capabilities, devices, ports."""

from modprobe_ipsec.base.annotations import Iterable, Sequence
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.manifest.model import ContainerRights, Sysctl, Where
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed, Mode, Need

# Every sysctl, capability, device and port that a plan may name.
FORWARDING = {Family.IPV4: "net.ipv4.ip_forward", Family.IPV6: "net.ipv6.conf.all.forwarding"}
ACQ_EXPIRES = "net.core.xfrm_acq_expires"
SYSCTLS = frozenset((*FORWARDING.values(), ACQ_EXPIRES))
_ALWAYS = ("NET_ADMIN", "NET_BIND_SERVICE")
_OWN = (capability for daemon in DAEMONS.values() for capability in daemon.capabilities)
CAPABILITIES = (*_ALWAYS, "NET_RAW", *dict.fromkeys(_OWN))
DEVICES = ("/dev/net/tun",)
PORTS = ("500/udp", "4500/udp", "4500/tcp")

# What setting it does besides. source: Documentation/networking/ip-sysctl.rst, accept_ra
_SIDE_EFFECT = (
    "a host that forwards IPv6 no longer takes addresses and routes from router advertisements; "
    "where it lives on them, set net.ipv6.conf.INTERFACE.accept_ra = 2"
)
_WHY = {
    Family.IPV4: "a gateway forwards IPv4 packets between its tunnels and its networks",
    Family.IPV6: "a gateway forwards IPv6 packets between its tunnels and its networks; "
    + _SIDE_EFFECT,
}


def sysctls(needs: Iterable[AnyNeed], where: Where) -> tuple[Sysctl, ...]:
    """Those of the daemon's network namespace, which is the host's own or a container's.

    Forwarding is only for a gateway: a tunnel that goes on to a network behind this host. Of needs
    from a command line nobody knows that.
    """
    forwards = {
        family
        for need in needs
        if isinstance(need, Need) and need.mode is not Mode.TRANSPORT
        for source in need.sources
        for family in source.forwards
    }
    found = [
        Sysctl(
            key=FORWARDING[family],
            value="1",
            where=where,
            optional=True,
            hidden_in_userns=False,
            why=_WHY[family],
        )
        for family in Family
        if family in forwards
    ]
    # both daemons write it themselves where they may
    why = "the daemon's own business: how long the kernel waits for it to answer an acquire"
    acquire = Sysctl(
        key=ACQ_EXPIRES, value="165", where=where, optional=True, hidden_in_userns=True, why=why
    )
    return (*found, acquire)


def container(needs: Sequence[AnyNeed]) -> ContainerRights:
    """What a container needs in which the daemon of these needs runs.

    All daemons take the IKE ports below 1024 and configure XFRM; some want more for themselves.
    NET_RAW only serves charon's plugin connmark, of which no need tells.
    """
    features = {need.feature for need in needs if isinstance(need, FeatureNeed)}
    asking = {source.daemon for need in needs for source in need.sources if source.daemon}
    own = (name for daemon in sorted(asking) for name in DAEMONS[daemon].capabilities)
    return ContainerRights(
        (*_ALWAYS, *dict.fromkeys(own)),
        DEVICES if "tun" in features else (),
        PORTS if "espintcp" in features else PORTS[:2],
    )
