# SPDX-License-Identifier: GPL-3.0-or-later
"""What both daemons' readers have to know, and what both daemons ask for whatever they read."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog, Daemon, Family
from modprobe_ipsec.needs.need import FeatureNeed, Source


class Context(Value):
    """What the readers have to know besides the files."""

    catalog: Catalog
    # data/libreswan.yaml and data/strongswan.yaml, parsed.
    trees: Mapping[str, Mapping[str, object]]
    families: tuple[Family, ...]
    fips: bool
    # Whose configuration it is, if the user says so.
    daemon: Daemon | None
    # libreswan's release, None for the newest.
    release: tuple[int, int] | None


def socket_of(daemon: Daemon) -> FeatureNeed:
    """Either daemon opens its XFRM socket at start, connections or not, and ends where it cannot.

    source: libreswan kernel_xfrm.c init_netlink(); strongSwan kernel_netlink_ipsec.c
    """
    program = {Daemon.LIBRESWAN: "pluto", Daemon.STRONGSWAN: "charon"}[daemon]
    source = Source(f"{program}'s start", "its XFRM socket", daemon)
    return FeatureNeed("xfrm_socket", None, (source,))
