# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make install` puts down, as systemd's own checks see it. At work they are in tests/vm."""

import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
UNIT = "lib/systemd/system/modprobe-ipsec.service"
# exposure of 10 at most, times 10
THRESHOLD = "25"


def make(target: str, prefix: Path | str, *more: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-s", target, f"PREFIX={prefix}", *more]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, umask=0o077)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("prefix")
    done = make("install", prefix)
    assert done.returncode == 0, done.stderr
    return prefix


@pytest.fixture(params=["plain", "sealing"])
def unit(request: pytest.FixtureRequest, prefix: Path, tmp_path: Path) -> Path:
    """The unit in a directory of its own, with and without the drop-in that seals."""
    unit = tmp_path / "modprobe-ipsec.service"
    shutil.copy(prefix / UNIT, unit)
    if request.param == "sealing":
        drop_in = tmp_path / "modprobe-ipsec.service.d/seal.conf"
        drop_in.parent.mkdir()
        shutil.copy(prefix / "share/doc/modprobe-ipsec/seal.conf", drop_in)
    return unit


def analyze(*arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    return done.returncode, done.stdout + done.stderr


def test_systemd_has_nothing_to_say(unit: Path) -> None:
    # the manual is looked for where this machine has its own
    assert analyze("verify", "--man=no", unit) == (0, "")


def test_verify_would_say_so(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("ProtectHome=", "ProtectHom="))
    assert "Unknown key" in analyze("verify", "--man=no", unit)[1]


def test_exposure(unit: Path) -> None:
    status, table = analyze(
        "security", "--offline=true", f"--threshold={THRESHOLD}", "--no-pager", unit
    )
    assert status == 0, table


def test_capabilities_are_known(unit: Path) -> None:
    # systemd ignores a misspelt one without a word
    lines = [line for line in unit.read_text().split("\n") if line.startswith("CapabilityB")]
    names = [name for line in lines for name in line.partition("=")[2].split()]
    assert names
    assert analyze("capability", *names)[0] == 0


def test_programs_start_whatever_the_environment(prefix: Path, tmp_path: Path) -> None:
    hostile = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path)}
    (tmp_path / "modprobe_ipsec.py").write_text("raise SystemExit(99)")
    (tmp_path / "enum.py").write_text("raise SystemExit(98)")
    done = subprocess.run(
        [prefix / "sbin/modprobe-ipsec", "--version"],
        capture_output=True,
        text=True,
        env=hostile,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("modprobe-ipsec ")


def test_the_path_is_absolute_and_there(prefix: Path) -> None:
    lines = (prefix / UNIT).read_text().split("\n")
    programs = [line.partition("=")[2].split()[0] for line in lines if line.startswith("Exec")]
    assert set(programs) == {str(prefix / "sbin/modprobe-ipsec")}


def test_everybody_may_read_it_whatever_the_umask(prefix: Path) -> None:
    closed = [path for path in prefix.rglob("*") if path.stat().st_mode & 0o004 == 0]
    assert closed == []


def test_hooks_name_the_installed_program(prefix: Path) -> None:
    for name in ("cdi.json", "hooks.d.json"):
        text = (prefix / "share/doc/modprobe-ipsec" / name).read_text()
        assert f'"{prefix}/sbin/modprobe-ipsec-hook"' in text
        assert "/usr/local/" not in text


@pytest.mark.parametrize("bad", ["/opt/a b", "relative", "/opt/x;y", "/opt/'x", ""])
def test_a_prefix_that_rm_could_misread_is_refused(bad: str, tmp_path: Path) -> None:
    done = make("uninstall", bad, f"DESTDIR={tmp_path}")
    assert done.returncode != 0


def test_a_failed_installation_leaves_the_old_one(tmp_path: Path) -> None:
    program = tmp_path / "lib/modprobe-ipsec/old"
    program.parent.mkdir(parents=True)
    program.touch()
    assert make("install", tmp_path, "PYTHON=/bin/false").returncode != 0
    assert program.exists()


def test_uninstall_leaves_nothing(tmp_path: Path) -> None:
    make("install", tmp_path)
    for _ in range(2):
        assert make("uninstall", tmp_path).returncode == 0
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
