# SPDX-License-Identifier: GPL-3.0-or-later
"""libreswan: its proposals and its ipsec.conf."""

from modprobe_ipsec.base.annotations import Callable, Iterator
from modprobe_ipsec.catalog.model import Protocol
from modprobe_ipsec.daemons.common.descriptor import (
    NEWEST,
    Configuration,
    Context,
    Daemon,
    programs,
)
from modprobe_ipsec.daemons.common.form import Setting, has_sections
from modprobe_ipsec.needs.need import Suite
from modprobe_ipsec.needs.reading import Files, Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from modprobe_ipsec.daemons.common.peers import PeerConnection

_LIBEXEC = (
    # upstream and Fedora, Debian and OpenWrt
    *("/usr/libexec/ipsec", "/usr/lib/ipsec"),
    *("/usr/local/libexec/ipsec", "/usr/local/lib/ipsec"),
    "/run/current-system/sw/libexec/ipsec",
)
_BIN = ("/usr/sbin", "/usr/local/sbin", "/run/current-system/sw/bin")


def _suites(text: str, protocol: Protocol, context: Context) -> tuple[Suite, ...]:
    from modprobe_ipsec.daemons.libreswan import proposals

    version = context.release or NEWEST
    return proposals.parse(text, protocol, context.catalog, fips=context.fips, version=version)


def _default_suites(protocol: Protocol, context: Context) -> tuple[Suite, ...]:
    from modprobe_ipsec.daemons.libreswan import proposals

    catalog, release = context.catalog, context.release
    return proposals.default(protocol, catalog, fips=context.fips, version=release)


def _read(path: str, files: Files, context: Context) -> Reading:
    from modprobe_ipsec.daemons.libreswan import needs
    from modprobe_ipsec.daemons.libreswan.options import libreswan_options
    from modprobe_ipsec.needs.need import merge

    reading = needs.read(
        path,
        files,
        context.catalog,
        families=context.families,
        version=context.release,
        fips=context.fips,
        options=libreswan_options(context.tree(DAEMON.name)),
        vendor=context.vendor,
    )
    return reading._replace(features=merge((*DAEMON.start_needs, *reading.features)))


def _peers(path: str, files: Files, context: Context) -> "Iterator[PeerConnection]":
    from modprobe_ipsec.daemons.libreswan import peers

    return peers.read(path, files, context)


def _knows(context: Context) -> Callable[[Setting], bool]:
    from modprobe_ipsec.daemons.libreswan.options import libreswan_options
    from modprobe_ipsec.daemons.libreswan.whose import knows

    options = libreswan_options(context.tree(DAEMON.name))
    releases = [options.at(version) for version in options.releases]
    return lambda setting: knows(setting, releases, context.catalog)


DAEMON = Daemon(
    name="libreswan",
    title="libreswan",
    program="pluto",
    configurations=(
        Configuration(
            title="ipsec.conf",
            paths=("/etc/ipsec.conf", "/usr/local/etc/ipsec.conf"),
            programs=programs(_LIBEXEC, "pluto"),
            fits=has_sections,
            read=_read,
            knows=_knows,
            peers=_peers,
        ),
    ),
    packages=dict.fromkeys(("dpkg", "rpm", "apk", "opkg", "pacman"), ("libreswan",)),
    units=("ipsec.service",),
    suites=_suites,
    default_suites=_default_suites,
    # source: programs/ipsec/ipsec.in, lib/libswan/version.in.c
    says_release=(
        *((path, r'export IPSEC_VERSION="(\d[\d.]*)') for path in programs(_BIN, "ipsec")),
        *((path, r"\0Libreswan (\d[\d.]*)(?=\0)") for path in programs(_LIBEXEC, "pluto")),
    ),
    # source: kernel_xfrm.c init_netlink()
    start={"xfrm_socket": "its XFRM socket"},
    force_udp="ipsec.conf encapsulation=yes",
    in_a_container=(
        # Podman's seccomp profile keeps it from trying; Docker's does not (libreswan 5.2, Docker
        # 26.1), and most kubelets use none
        "libreswan: pluto --log-no-audit, or audit-log=no in config setup. Without CAP_AUDIT_WRITE "
        "each IKE SA may end with: audit log failed: Operation not permitted",
    ),
)
