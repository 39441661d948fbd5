# SPDX-License-Identifier: GPL-3.0-or-later
"""The IKE daemons that are known: for each file of data/daemons/ the package of its name here.

Nothing else in this program names a daemon; who needs to know one asks its descriptor.
"""

from modprobe_ipsec.base import registry
from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.daemons.common.descriptor import Daemon
from modprobe_ipsec.host.shipped import daemon_names

DAEMONS: Mapping[str, Daemon] = {
    name: registry.load("modprobe_ipsec.daemons", name).DAEMON for name in daemon_names()
}
"""By name."""


def file_titles() -> str:
    """`ipsec.conf or swanctl.conf`: the files that some daemon reads."""
    kinds = (kind for daemon in DAEMONS.values() for kind in daemon.configurations)
    return " or ".join(dict.fromkeys(kind.title for kind in kinds))
