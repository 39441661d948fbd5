# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers of other programs say of files that are a mapping of paths to texts."""

from collections.abc import Mapping

from modprobe_ipsec.daemons import others
from modprobe_ipsec.daemons.installed import Installed
from modprobe_ipsec.needs.need import AnyNeed
from modprobe_ipsec.needs.reading import Reading
from tests.daemons.common import CONTEXT
from tests.daemons.texts import Texts

NOBODY = Installed(frozenset())
STARTER = Installed(frozenset(("/usr/lib/ipsec/starter",)), {"strongswan": (5, 9, 8)})
PLUTO = Installed(frozenset(("/usr/libexec/ipsec/pluto",)), {"libreswan": (4, 15)})


def host(name: str, files: Mapping[str, str], installed: Installed = NOBODY) -> Reading:
    """What one program asks for on a host with some files."""
    path = (*CONTEXT.catalog.others[name].programs, "")[0]
    return others.read_host({name: path}, Texts(files), CONTEXT, installed)


def file(text: str) -> Reading | None:
    """What a file asks for that --config names; None if it is no other program's."""
    return others.read_file("/x", Texts({"/x": text}), CONTEXT, NOBODY, text)


def asked(reading: Reading | None) -> list[str]:
    """The labels of all needs, in order."""
    assert reading
    needs: list[AnyNeed] = [*reading.needs, *reading.features]
    return [need.label for need in needs]


def problems(reading: Reading | None) -> list[str]:
    """What is wrong, each with its place."""
    assert reading
    return [f"{problem.place}: {problem.text}" for problem in reading.problems]
