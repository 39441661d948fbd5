# SPDX-License-Identifier: GPL-3.0-or-later
"""An obstacle: the reader of its fact, the file that finds it, and a recorded host."""

import shutil
from pathlib import Path

import pytest

from tests.test_adding_one.copies import Copy

FILES = {
    "reader.py": "modprobe_ipsec/host/more/loadpin.py",
    "obstacle.py": "modprobe_ipsec/diagnose/obstacles/loadpin.py",
}
GCM = ("--esp", "aes256gcm16", "-4")


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    copy = Copy(tmp_path)
    for name, place in FILES.items():
        shutil.copy(Path(__file__).parent / "loadpin" / name, copy.root / place)
    copy.overlay({"/proc/sys/kernel/loadpin/enforce": "1\n"})
    return copy


def test_nothing_else_is_touched(copy: Copy) -> None:
    assert copy.changed() == set(FILES.values())


def test_it_is_found_and_named(copy: Copy) -> None:
    report = copy.report(*GCM)
    (need,) = report["needs"]
    assert (report["exit_code"], need["verdict"]) == (3, "unknown")
    kinds = {reason["obstacle"]["kind"] for reason in need["reasons"]}
    assert kinds == {"loadpin"}
    assert all("ask the kernel" in reason["remedy"] for reason in need["reasons"])
    copy.overlay({"/proc/sys/kernel/loadpin/enforce": "0\n"})
    assert copy.report(*GCM)["needs"][0]["verdict"] == "loadable"


def test_what_is_sure_comes_first(copy: Copy) -> None:
    copy.overlay({"/etc/modprobe.d/x.conf": "install esp4 /bin/false\n"})
    report = copy.report(*GCM)
    assert (report["exit_code"], report["needs"][0]["verdict"]) == (2, "blocked")


def test_a_record_has_its_fact(copy: Copy, tmp_path: Path) -> None:
    record = tmp_path / "record"
    done = copy.run("--record", str(record), "--root", str(copy.host), *GCM)
    assert (record / "proc/sys/kernel/loadpin/enforce").read_text() == "1\n", done.stderr


def test_host_plans_may_name_it(copy: Copy, tmp_path: Path) -> None:
    done = copy.run("--manifest", "yaml", "--root", str(copy.host), *GCM)
    assert "kind: loadpin" in done.stdout, done.stderr
    plan = tmp_path / "plan.yaml"
    plan.write_text(done.stdout)
    # it is read again: the kind is known
    again = copy.run("--apply", str(plan), "--root", str(copy.host))
    assert "loadpin" not in again.stderr
