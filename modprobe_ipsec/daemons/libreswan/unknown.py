# SPDX-License-Identifier: GPL-3.0-or-later
"""Where nobody knows which release of libreswan it is: what any of them would ask for."""

from modprobe_ipsec.base.annotations import Iterable, Mapping
from modprobe_ipsec.base.text import name as show_name
from modprobe_ipsec.daemons.libreswan.options import Version
from modprobe_ipsec.needs.need import merge
from modprobe_ipsec.needs.reading import Place, Problem, Reading

# Differences that a message names.
_SHOWN = 2
_SAY_IT = "say which it is: --daemon libreswan=RELEASE"


def any_release(path: str, readings: Mapping[Version, Reading]) -> Reading:
    """Add up what several releases make of one configuration, and say where they differ.

    A release that refuses the file is not the one that runs with it, as long as another takes it.
    """
    taken = {version: r for version, r in readings.items() if not _refused(r)} or readings
    newest = taken[max(taken)]
    places = [frozenset((p.place, p.conn) for p in r.problems) for r in taken.values()]
    everywhere = frozenset.intersection(*places)
    problems = [p for p in newest.problems if (p.place, p.conn) in everywhere]
    notes: list[str] = []
    if len(taken) < len(readings):
        left = [version for version in readings if version not in taken]
        why = next(p for p in readings[left[-1]].problems if p.refuses)
        notes.append(f"{_names(left)} refuse it ({why.place})")
    for version, reading in taken.items():
        for problem in reading.problems:
            if (problem.place, problem.conn) not in everywhere:
                lost = f"loses {show_name(problem.conn)}: " if problem.conn else ""
                notes.append(f"{_names([version])} {lost}{problem.text} ({problem.place})")
    names = [frozenset(s.conn for s in r.silent) for r in taken.values()]
    silent_everywhere = frozenset.intersection(*names)
    silent = [s for s in newest.silent if s.conn in silent_everywhere]
    known_silent = frozenset(silent)
    quiet = (one for reading in taken.values() for one in reading.silent if one not in known_silent)
    notes.extend(f"{show_name(one.conn)} asks for nothing in some: {one.why}" for one in quiet)
    if notes or any(_asked(reading) != _asked(newest) for reading in taken.values()):
        said = list(dict.fromkeys(notes))
        more = f"; and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
        differ = "; ".join(said[:_SHOWN]) + more or "they differ in what they offer by default"
        known = "libreswan's release is not known, and what any may ask for counts"
        problems.append(Problem(Place(path, 1), "", f"{known}: {differ}; {_SAY_IT}"))
    newest_first = [taken[version] for version in sorted(taken, reverse=True)]
    return Reading(
        merge(need for reading in newest_first for need in reading.needs),
        merge(feature for reading in newest_first for feature in reading.features),
        tuple(problems),
        tuple(silent),
    )


def _refused(reading: Reading) -> bool:
    return any(problem.refuses for problem in reading.problems)


def _asked(reading: Reading) -> tuple[frozenset[object], frozenset[object]]:
    needs = frozenset((need.suite, need.family, need.mode) for need in reading.needs)
    return needs, frozenset((f.feature, f.family) for f in reading.features)


def _names(versions: Iterable[Version]) -> str:
    texts = [".".join(map(str, version)) for version in versions]
    return f"libreswan {texts[0]}" if len(texts) == 1 else f"libreswan {texts[0]} to {texts[-1]}"
