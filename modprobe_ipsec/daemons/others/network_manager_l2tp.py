# SPDX-License-Identifier: GPL-3.0-or-later
"""network-manager-l2tp: profiles with L2TP over IPsec, and the ipsec.conf that each will come to.

Profiles hold secrets: nothing of one is quoted but its name.
source: src/nm-l2tp-service.c nm_l2tp_config_write(), shared/nm-service-defines.h
"""

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.daemons.others import OtherReader, ProgramFiles, Said, number
from modprobe_ipsec.daemons.others._ini import entries
from modprobe_ipsec.daemons.others._written import conn, readers, reading, settings, title
from modprobe_ipsec.needs.need import FeatureNeed, Source, merge
from modprobe_ipsec.needs.reading import Place, Problem, Reading

_SERVICE = "org.freedesktop.NetworkManager.l2tp"
_YES = "yes"
_LONGEST = 60
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")

# A file, the profile's name, and what its section [vpn] says.
_Profile = tuple[str, str, dict[str, str]]


def _read(its: ProgramFiles) -> Said | None:
    profiles: list[_Profile] = []
    problems: list[Problem] = []
    for path in its.own_files:
        try:
            if found := _profile(path, its):
                profiles.append(found)
        except ConfigError as error:
            problems.append(Problem(Place(path, 0), "", error.message, unread=True))
    if not profiles and not problems:
        return None
    found_readings: list[Reading] = []
    features: list[FeatureNeed] = []
    for path, name, data in profiles:
        # whichever of its two L2TP daemons there is: the one uses a socket, the other netlink
        features.append(FeatureNeed("l2tp_ppp", None, (Source(path, f"profile {name}"),)))
        if data.get("ipsec-enabled") == _YES:
            found_readings += _ipsec(path, name, data, its)
            if not any(True for _ in readers(its)):
                problems.append(Problem(Place(path, 0), name, title(its)))
    reading_of_all = Reading(
        needs=merge(need for found in found_readings for need in found.needs),
        features=merge([*(f for found in found_readings for f in found.features), *features]),
        problems=(*problems, *(p for found in found_readings for p in found.problems)),
        silent=tuple(silent for found in found_readings for silent in found.silent),
    )
    return Said(f"has {number(len(profiles), 'profile')} with L2TP", reading_of_all)


def _profile(path: str, its: ProgramFiles) -> _Profile | None:
    """None if it is a profile of something else."""
    name, data = "", dict[str, str]()
    for entry in entries(its.text(path), joined=False):
        if entry.section == "connection" and entry.key == "id":
            name = entry.value
        elif entry.section == "vpn":
            data[entry.key] = entry.value
    shown = "".join(char if char in _WORD else "-" for char in name[:_LONGEST])
    return (path, shown or "unnamed", data) if data.get("service-type") == _SERVICE else None


def _ipsec(path: str, name: str, data: dict[str, str], its: ProgramFiles) -> list[Reading]:
    """What the section asks for that would be written for each daemon that is there."""
    found = []
    for daemon, kind in readers(its):
        words = its.program.writes[daemon.name]
        version = "ikev2" if data.get("ipsec-ikev2") == _YES else "ikev1"
        written = {**settings(words["conn"]), "right": data.get("gateway", ""), "rightid": "%any"}
        proposals = data.get("ipsec-esp", words["esp"] if version == "ikev1" else "")
        if proposals:
            written["esp"] = proposals
        if compress := data.get("ipsec-ipcomp"):
            written["compress"] = compress
        written |= settings(words[version])
        text = conn(name, written)
        found.append(reading(its, daemon, kind, text, Place(path, 0), f"profile {name}"))
    return found


READER = OtherReader(host=_read)
