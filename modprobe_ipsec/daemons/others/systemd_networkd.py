# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd-networkd: *.netdev files with Kind=xfrm, vti or vti6. It makes the device, and no SAs.

source: systemd.netdev(5); src/network/netdev/netdev.c netdev_load_one(), netdev-gperf.gperf
"""

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.text import name as show_name
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.daemons.others import OtherReader, ProgramFiles, Said, number
from modprobe_ipsec.daemons.others._ini import entries
from modprobe_ipsec.needs.need import FeatureNeed, Source, merge
from modprobe_ipsec.needs.reading import Place, Problem, Reading

_KINDS: dict[str, tuple[str, Family | None]] = {
    "xfrm": ("xfrm_interface", None),
    "vti": ("ip_vti", Family.IPV4),
    "vti6": ("ip_vti", Family.IPV6),
}


class _Netdev(Value):
    """What counts of a file with its drop-ins."""

    name: str
    kind: str
    # Where the kind stands.
    place: Place


def _read(its: ProgramFiles) -> Said | None:
    needs: list[FeatureNeed] = []
    problems: list[Problem] = []
    for path in _in_effect(its.own_files):
        try:
            found = _netdev(path, its)
        except ConfigError as error:
            problems.append(Problem(Place(path, 0), "", f"{error.message}", unread=True))
            continue
        feature, family = _KINDS.get(found.kind, ("", None)) if found else ("", None)
        if found and feature and family in (None, *its.context.families):
            where = f"{found.place} netdev {show_name(found.name)}"
            needs.append(FeatureNeed(feature, family, (Source(where, f"Kind={found.kind}"),)))
    if not needs and not problems:
        return None
    reading = Reading((), merge(needs), tuple(problems), ())
    return Said(f"makes {number(len(needs), 'device')} for IPsec, and no SAs", reading)


def _in_effect(paths: list[str]) -> list[str]:
    """Of files with the same name the one in the first directory, in the order of the names."""
    first: dict[str, str] = {}
    for path in paths:
        first.setdefault(path.rpartition("/")[2], path)
    return [first[name] for name in sorted(first)]


def _netdev(path: str, its: ProgramFiles) -> _Netdev | None:
    """None for a file that is masked, or makes no device."""
    name = kind = ""
    place = Place(path, 0)
    for part in (path, *_drop_ins(path, its)):
        for entry in entries(its.text(part), joined=True):
            if entry.section != "NetDev":
                continue
            if entry.key == "Name":
                name = entry.value
            elif entry.key == "Kind" and entry.value and not kind:
                # another one after it is ignored
                kind, place = entry.value, Place(part, entry.line)
    return _Netdev(name, kind, place) if name and kind else None


def _drop_ins(path: str, its: ProgramFiles) -> list[str]:
    file = path.rpartition("/")[2]
    directories = [pattern.rpartition("/")[0] for pattern in its.program.files]
    found: list[str] = []
    for directory in directories:
        found += its.files.glob(f"{directory}/{file}.d/*.conf", its.budget)
    return _in_effect(found)


READER = OtherReader(host=_read)
