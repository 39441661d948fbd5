# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon of the second host, as a unit beside the first one's."""

from . import tunnels
from .booted import UNITS

_WANTS = f"{UNITS}/multi-user.target.wants"
PEER = """\
[Unit]
Description=The daemon of the second host
After={unit} two-hosts.service

[Service]
Type=notify
NotifyAccess=all
NetworkNamespacePath=/run/netns/peer
{settings}
"""
LIBRESWAN_PEER = """\
TemporaryFileSystem=/run/pluto
ExecStart=/usr/libexec/ipsec/pluto --config /etc/ipsec.conf --nofork"""
STRONGSWAN_PEER = """\
Environment=STRONGSWAN_CONF=/etc/peer/strongswan.conf
ExecStart=/usr/sbin/charon-systemd
ExecStartPost=/usr/sbin/swanctl --load-all --noprompt --file /etc/peer/swanctl.conf \
--uri unix:///run/peer.vici"""
STRONGSWAN_CONF = """\
include /etc/strongswan.conf
charon-systemd {
  plugins {
    vici {
      socket = unix:///run/peer.vici
    }
  }
}
"""
_TWO_HOSTS = f"""\
[Unit]
Description=A second host and the wire to it
Before=network-online.target modprobe-ipsec.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={tunnels.NETWORK}
"""


def two_hosts(unit: str, settings: str) -> tuple[dict[str, bytes], dict[str, str]]:
    """Files and links of a system that starts a daemon's unit, a second host and its daemon.

    `settings` are those of the second daemon's unit.
    """
    files = {
        tunnels.NETWORK: tunnels.network().encode(),
        f"{UNITS}/two-hosts.service": _TWO_HOSTS.encode(),
        f"{UNITS}/peer.service": PEER.format(unit=unit, settings=settings).encode(),
    }
    links = {
        f"{UNITS}/network-online.target.wants/two-hosts.service": f"{UNITS}/two-hosts.service",
        f"{_WANTS}/peer.service": f"{UNITS}/peer.service",
        f"{_WANTS}/{unit}": f"/lib/systemd/system/{unit}",
    }
    return files, links
