# SPDX-License-Identifier: GPL-3.0-or-later
"""Every daemon is whole: its package, its file of the map, its units' drop-ins, its descriptor."""

from pathlib import Path

import pytest

from modprobe_ipsec.catalog.model import Protocol
from modprobe_ipsec.daemons.common.descriptor import Daemon
from modprobe_ipsec.daemons.registry import DAEMONS, file_titles
from modprobe_ipsec.host.machine.privileges import OTHER_CAPABILITIES
from tests.shipped import CATALOG

from .common import CONTEXT

REPOSITORY = Path(__file__).parent.parent.parent
SERVICE = (REPOSITORY / "systemd/modprobe-ipsec.service").read_text()


def test_a_package_and_a_file_each() -> None:
    packages = {p.parent.name for p in REPOSITORY.glob("modprobe_ipsec/daemons/*/__init__.py")}
    files = {path.stem for path in REPOSITORY.glob("data/daemons/*.yaml")}
    assert packages - {"common", "others"} == files == DAEMONS.keys() == CATALOG.vocabularies.keys()
    assert all(name == daemon.name for name, daemon in DAEMONS.items())


def test_the_files_that_they_read() -> None:
    kinds = [kind.title for daemon in DAEMONS.values() for kind in daemon.configurations]
    assert sorted(file_titles().split(" or ")) == sorted(set(kinds))


@pytest.mark.parametrize("daemon", DAEMONS.values(), ids=DAEMONS)
def test_a_descriptor_is_whole(daemon: Daemon) -> None:
    for kind in daemon.configurations:
        assert kind.programs
        assert all(path.startswith("/") for path in (*kind.paths, *kind.programs))
        assert all(path.endswith(f"/{kind.title}") for path in kind.paths)
    assert any(path.endswith(f"/{daemon.program}") for path in daemon.programs)
    assert daemon.start.keys() <= CATALOG.features.keys()
    assert set(daemon.capabilities) <= OTHER_CAPABILITIES.keys()
    for protocol in (Protocol.ESP, Protocol.AH):
        for release, text in CATALOG.vocabularies[daemon.name].defaults[protocol]:
            context = CONTEXT._replace(release=release)
            read = daemon.suites(text, protocol, context)
            assert set(read) == set(daemon.default_suites(protocol, context))


@pytest.mark.parametrize("daemon", DAEMONS.values(), ids=DAEMONS)
def test_its_units_come_after_ours(daemon: Daemon) -> None:
    lines = dict(line.split("=", 1) for line in SERVICE.splitlines() if line[:1].isupper())
    for unit in (*daemon.units, *daemon.unit_aliases):
        assert unit in lines["Before"].split()
        assert unit in lines["WantedBy"].split()
