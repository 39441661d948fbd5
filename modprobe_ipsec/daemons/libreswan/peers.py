# SPDX-License-Identifier: GPL-3.0-or-later
"""The peers of libreswan's connections."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.base.text import name as show_name
from modprobe_ipsec.daemons.common.descriptor import NEWEST, Context
from modprobe_ipsec.daemons.common.peers import PeerConnection, addresses, command
from modprobe_ipsec.daemons.libreswan import DAEMON
from modprobe_ipsec.daemons.libreswan.conf import load
from modprobe_ipsec.daemons.libreswan.options import libreswan_options
from modprobe_ipsec.needs.reading import Files

_ANYBODY = ("%any", "%any4", "%any6", "%opportunistic", "%group", "%opportunisticgroup")
# source: programs/ipsec of 5.0, which has both
_UP = (5, 0)


def read(path: str, files: Files, context: Context) -> Iterator[PeerConnection]:
    """Connections that pluto loads. Raises ConfigError."""
    version = context.release or NEWEST
    options = libreswan_options(context.tree(DAEMON.name))
    words = ("ipsec", "up") if version >= _UP else ("ipsec", "auto", "--up")
    for conn in load(path, files, options.at(version, context.vendor)).conns:
        if conn.lost or conn.value("auto", "ignore") == "ignore":
            continue
        # which end is ours the interfaces tell, and here who has sent something
        ends = (conn.value("left"), conn.value("right"))
        anybody = any(end in _ANYBODY for end in ends)
        yield PeerConnection(
            daemon=DAEMON.name,
            conn=show_name(conn.name),
            place=str(conn.place),
            ends=addresses(ends),
            anybody=anybody,
            # nobody can be called whose address is not known
            command="" if anybody else command(*words, names=(conn.name,)),
        )
