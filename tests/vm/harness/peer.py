# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon of the second host, as a unit beside the first one's."""

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
