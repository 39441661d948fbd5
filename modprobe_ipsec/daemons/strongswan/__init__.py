# SPDX-License-Identifier: GPL-3.0-or-later
"""strongSwan: its proposals, its swanctl.conf, and starter's ipsec.conf."""

from modprobe_ipsec.base.annotations import Callable, Iterator
from modprobe_ipsec.catalog.model import Protocol
from modprobe_ipsec.daemons.common.descriptor import Configuration, Context, Daemon, programs
from modprobe_ipsec.daemons.common.form import Setting, has_braces, has_sections
from modprobe_ipsec.needs.need import Suite
from modprobe_ipsec.needs.reading import Files, Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from modprobe_ipsec.daemons.common.peers import PeerConnection

_LIBEXEC = (
    # Debian and OpenWrt, upstream, Fedora, Alpine and Arch
    *("/usr/lib/ipsec", "/usr/libexec/ipsec", "/usr/libexec/strongswan", "/usr/lib/strongswan"),
    *("/usr/local/libexec/ipsec", "/usr/local/lib/ipsec"),
    "/run/current-system/sw/libexec/ipsec",
)
_BIN = (
    *("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"),
    *("/run/current-system/sw/sbin", "/run/current-system/sw/bin"),
)
_STARTER = programs(_LIBEXEC, "starter")
_DAEMONS = (*programs(_BIN, "charon-systemd"), *programs(_LIBEXEC, "charon"))
_CHARON = (*_DAEMONS, *programs(_BIN, "swanctl"))


def _suites(text: str, protocol: Protocol, context: Context) -> tuple[Suite, ...]:
    from modprobe_ipsec.daemons.strongswan import proposals

    suites = proposals.parse(text, protocol, context.catalog, release=context.release)
    if context.release:
        from modprobe_ipsec.daemons.strongswan.options import build
        from modprobe_ipsec.daemons.strongswan.releases import ReleaseRules

        history = build(context.tree(DAEMON.name)).history
        ReleaseRules(history, context.release).check(text)
    return suites


def _default_suites(protocol: Protocol, context: Context) -> tuple[Suite, ...]:
    from modprobe_ipsec.daemons.strongswan import proposals

    return proposals.default(protocol, context.catalog, context.release)


def _is_swanctl(path: str, text: str) -> bool:
    return path.endswith("swanctl.conf") or has_braces(text)


def _read_swanctl(path: str, files: Files, context: Context) -> Reading:
    from modprobe_ipsec.daemons.strongswan import confs

    return confs.read_swanctl(path, files, context)


def _read_starter(path: str, files: Files, context: Context) -> Reading:
    from modprobe_ipsec.daemons.strongswan import confs

    return confs.read_starter(path, files, context)


def _ipsec_conf(files: Files, context: Context) -> str:
    from modprobe_ipsec.daemons.strongswan import confs

    return confs.ipsec_conf(files, context)


def _swanctl_peers(path: str, files: Files, context: Context) -> "Iterator[PeerConnection]":
    from modprobe_ipsec.daemons.strongswan import peers

    return peers.swanctl(path, files, context)


def _starter_peers(path: str, files: Files, context: Context) -> "Iterator[PeerConnection]":
    from modprobe_ipsec.daemons.strongswan import peers

    return peers.starter(path, files, context)


def _knows(context: Context) -> Callable[[Setting], bool]:
    from modprobe_ipsec.daemons.strongswan import confs

    return confs.starter_knows(context)


DAEMON = Daemon(
    name="strongswan",
    title="strongSwan",
    program="charon",
    configurations=(
        Configuration(
            title="ipsec.conf",
            # Debian and most others; Fedora and RHEL have a directory of its own
            paths=("/etc/ipsec.conf", "/etc/strongswan/ipsec.conf", "/usr/local/etc/ipsec.conf"),
            programs=_STARTER,
            fits=has_sections,
            read=_read_starter,
            knows=_knows,
            elsewhere=_ipsec_conf,
            peers=_starter_peers,
        ),
        Configuration(
            title="swanctl.conf",
            paths=(
                *("/etc/swanctl/swanctl.conf", "/etc/strongswan/swanctl/swanctl.conf"),
                "/usr/local/etc/swanctl/swanctl.conf",
            ),
            programs=(*_CHARON, *_STARTER),
            fits=_is_swanctl,
            read=_read_swanctl,
            peers=_swanctl_peers,
        ),
    ),
    packages={
        "dpkg": ("libstrongswan", "strongswan"),
        "rpm": ("strongswan",),
        "apk": ("strongswan",),
        "opkg": ("strongswan",),
        "pacman": ("strongswan",),
    },
    # source: charon.c, charon-systemd.c (since 5.9.11): "Starting ... daemon (strongSwan 6.0.1, ";
    # ipsec.in, which Fedora calls strongswan
    says_release=(
        *((path, r"daemon \(strongSwan (\d[\d.]*)[, ]") for path in _DAEMONS),
        *((path, r'IPSEC_VERSION="U(\d[\d.]*)') for path in programs(_BIN, "ipsec", "strongswan")),
        # an older one has it as a string of its own
        *((path, r"\0(\d\.\d{1,2}\.\d{1,2})(?=\0)") for path in programs(_BIN, "charon-systemd")),
    ),
    units=("strongswan.service", "strongswan-starter.service"),
    unit_aliases=("strongswan-swanctl.service",),
    suites=_suites,
    default_suites=_default_suites,
    # source: kernel_netlink_ipsec.c
    start={"xfrm_socket": "its XFRM socket"},
    force_udp="swanctl.conf encap=yes",
    insists_on=frozenset({"NET_BIND_SERVICE"}),
)
