# SPDX-License-Identifier: GPL-3.0-or-later
"""openvswitch-ipsec: tunnels of Open vSwitch that come later, while ipsec.conf is empty at boot.

source: ipsec/ovs-monitor-ipsec.in; Debian's openvswitch-ipsec.service
"""

from modprobe_ipsec.daemons.others import OtherReader, ProgramFiles, Said
from modprobe_ipsec.daemons.others._written import conn, readers, reading, settings, title
from modprobe_ipsec.needs.need import merge
from modprobe_ipsec.needs.reading import Place, Problem, Reading

# Addresses for documentation: RFC 5737, RFC 3849
_ENDS = {
    "tunnel-ipv4": {"left": "192.0.2.1", "right": "192.0.2.2"},
    "tunnel-ipv6": {"left": "2001:db8::1", "right": "2001:db8::2"},
}


def read(its: ProgramFiles) -> Said:
    """What its tunnels will ask for, in each address family."""
    readings = []
    for daemon, kind in readers(its):
        written = settings(its.program.writes[daemon.name]["conn"])
        text = "".join(conn(name, {**written, **ends}) for name, ends in _ENDS.items())
        place = Place(its.path, 0)
        readings.append(reading(its, daemon, kind, text, place, "tunnels"))
    if not readings:
        advice = "no tunnel of it comes up from here, or one in a container does"
        problem = Problem(Place(its.path, 0), "", f"{title(its)}: {advice}", unread=True)
        return Said(title(its), Reading((), (), (problem,), ()))
    return Said(
        "has conns written when a tunnel comes: what any tunnel needs counts",
        Reading(
            needs=merge(need for found in readings for need in found.needs),
            features=merge(feature for found in readings for feature in found.features),
            problems=tuple(problem for found in readings for problem in found.problems),
            silent=(),
        ),
    )


READER = OtherReader(host=read)
