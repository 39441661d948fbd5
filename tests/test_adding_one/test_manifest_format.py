# SPDX-License-Identifier: GPL-3.0-or-later
"""A format of --manifest: one file."""

import shutil
from pathlib import Path

import pytest

from tests.hosts.tree import assemble
from tests.test_adding_one.copies import Copy

PLACE = "modprobe_ipsec/manifest/hosts/etc_modules.py"
ESP = ("--daemon", "strongswan", "--esp", "aes256gcm16", "-4")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    copy = Copy(tmp_path_factory.mktemp("format"), "modprobe-empty")
    shutil.copy(Path(__file__).parent / "etc_modules.py", copy.root / PLACE)
    return copy


def test_nothing_else_is_touched(copy: Copy) -> None:
    assert copy.changed() == {PLACE}


def test_it_is_written(copy: Copy) -> None:
    done = copy.run("--manifest", "etc-modules", "--root", str(copy.host), *ESP)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert {"xfrm_user", "esp4", "gcm"} < set(lines) and lines[0].startswith("# Made by")


def test_help_and_errors_name_it(copy: Copy) -> None:
    assert " etc-modules," in copy.run("--help").stdout
    assert " etc-modules," in copy.run("--manifest", "nonsense").stderr


def test_what_it_cannot_say_is_refused_for_it(copy: Copy, tmp_path: Path) -> None:
    inside = assemble("container-sealed", tmp_path / "container")
    done = copy.run("--manifest", "etc-modules", "--root", str(inside), *ESP)
    assert (done.returncode, done.stdout) == (64, "")
    assert "--manifest etc-modules needs names of modules" in done.stderr
