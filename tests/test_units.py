# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make install` puts down, as systemd's own checks see it. At work they are in tests/vm."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modprobe_ipsec.daemons.registry import DAEMONS

REPOSITORY = Path(__file__).parent.parent
UNIT = "lib/systemd/system/modprobe-ipsec.service"
WATCH = "lib/systemd/system/modprobe-ipsec-watch.service"
# exposure of 10 at most, times 10; who watches the host's network cannot have one of its own
THRESHOLD, WATCHING = "20", "24"


def make(target: str, prefix: Path | str, *more: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-s", target, f"PREFIX={prefix}", *more]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, umask=0o077)


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that an installation downloads."""
    fetched = tmp_path_factory.mktemp("fetched")
    done = make("fetch", "/usr/local", f"FETCHED={fetched}")
    assert done.returncode == 0, done.stderr
    return fetched


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory, fetched: Path) -> Path:
    prefix = tmp_path_factory.mktemp("prefix")
    done = make("install", prefix, f"FETCHED={fetched}")
    assert done.returncode == 0, done.stderr
    return prefix


class Installed:
    """A tree with what `make install` puts down, and a daemon, as systemd itself sees it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "etc/systemd/system").mkdir(parents=True)
        for unit in DAEMON_UNITS:
            path = root / "etc/systemd/system" / unit
            path.write_text("[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=default.target\n")
        done = make("install", "/usr/local", f"DESTDIR={root}")
        assert done.returncode == 0, done.stderr

    def systemctl(self, *words: str) -> None:
        subprocess.run(["systemctl", f"--root={self.root}", *words], check=True)

    def may_load(self, unit: str) -> bool:
        """Whether a daemon may load modules: what systemd makes of all files and generators."""
        script = (
            f"mount --bind {self.root}/etc/systemd /etc/systemd && "
            f"mount --bind {self.root}/usr/local /usr/local && "
            # it writes there what generators say, and runs as nobody
            "mount -t tmpfs -o mode=1777 none /tmp && "
            "exec setpriv --reuid=65534 --regid=65534 --clear-groups env -i PATH=/usr/bin:/bin "
            f"HOME=/tmp XDG_RUNTIME_DIR=/tmp {SYSTEMD} --test --system --unit={unit}"
        )
        command = ["unshare", "--mount", "sh", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        _, found, dump = done.stdout.partition(f"-> Unit {unit}:\n")
        assert found, done.stdout + done.stderr
        dump = dump.partition("-> Unit ")[0]
        (protected,) = re.findall(r"ProtectKernelModules: (\w+)", dump)
        capabilities = re.findall(r"CapabilityBoundingSet: (.*)", dump)
        assert (protected == "yes") == ("cap_sys_module" not in " ".join(capabilities or [ALL]))
        return bool(protected == "no")


DAEMON_UNITS = tuple(u for d in DAEMONS.values() for u in (*d.units, *d.unit_aliases))
SYSTEMD = "/usr/lib/systemd/systemd"
ALL = "cap_sys_module"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a mount namespace")
def test_rights_are_taken_from_a_daemon_while_the_unit_is_enabled(tmp_path: Path) -> None:
    host = Installed(tmp_path)
    assert "strongswan-swanctl.service" in DAEMON_UNITS
    assert host.may_load("ipsec.service")
    host.systemctl("enable", "modprobe-ipsec.service")
    assert [unit for unit in DAEMON_UNITS if host.may_load(unit)] == []
    host.systemctl("mask", "modprobe-ipsec.service")
    assert host.may_load("ipsec.service")
    host.systemctl("unmask", "modprobe-ipsec.service")
    assert not host.may_load("ipsec.service")
    # the administrator's own drop-in of the name counts
    own = tmp_path / "etc/systemd/system/ipsec.service.d/modprobe-ipsec.conf"
    own.parent.mkdir()
    own.symlink_to("/dev/null")
    assert host.may_load("ipsec.service") and not host.may_load("strongswan.service")
    own.unlink()
    host.systemctl("disable", "modprobe-ipsec.service")
    assert [unit for unit in DAEMON_UNITS if not host.may_load(unit)] == []


def test_drop_ins_of_an_earlier_installation_go(tmp_path: Path) -> None:
    for name in ("modprobe-ipsec.conf", "own.conf"):
        path = tmp_path / f"lib/systemd/system/{name[:3]}.service.d" / name
        path.parent.mkdir(parents=True)
        path.touch()
    assert make("install", tmp_path).returncode == 0
    drop_ins = [path.name for path in (tmp_path / UNIT).parent.glob("*.service.d/*")]
    assert drop_ins == ["own.conf"]
    assert not (tmp_path / "lib/systemd/system/mod.service.d").exists()


def test_the_generator_says_what_is_wrong(tmp_path: Path) -> None:
    def ask(*directories: str) -> tuple[int, str]:
        code = "from modprobe_ipsec.commands.generator import main; import sys;" + (
            "from modprobe_ipsec.host.root import Host;"
            f"sys.exit(main(sys.argv[1:], Host({str(tmp_path)!r}, '6.1')))"
        )
        done = subprocess.run([sys.executable, "-c", code, *directories], capture_output=True)
        return done.returncode, done.stderr.decode()

    assert ask()[0] == 64
    assert ask("/proc/nowhere", "/x", "/y") == (0, "")
    unit = tmp_path / "usr/lib/systemd/system/modprobe-ipsec.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Unit]\n")
    wants = tmp_path / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / unit.name).symlink_to(f"/{unit.relative_to(tmp_path)}")
    status, said = ask("/proc/nowhere", "/x", "/y")
    assert status == 1 and said.startswith("modprobe-ipsec-generator: /proc/nowhere: ")


@pytest.fixture(params=["plain", "sealing", "watching"])
def unit(request: pytest.FixtureRequest, prefix: Path, tmp_path: Path) -> Path:
    """A unit in a directory of its own: with and without the drop-in that seals; the watch's."""
    installed = WATCH if request.param == "watching" else UNIT
    unit = tmp_path / Path(installed).name
    shutil.copy(prefix / installed, unit)
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
    threshold = WATCHING if unit.name == Path(WATCH).name else THRESHOLD
    status, table = analyze(
        "security", "--offline=true", f"--threshold={threshold}", "--no-pager", unit
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


@pytest.mark.parametrize("name", [UNIT, WATCH])
def test_the_path_is_absolute_and_there(name: str, prefix: Path) -> None:
    lines = (prefix / name).read_text().split("\n")
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


def test_uninstall_leaves_nothing(fetched: Path, tmp_path: Path) -> None:
    assert make("install", tmp_path, f"FETCHED={fetched}").returncode == 0
    for _ in range(2):
        assert make("uninstall", tmp_path).returncode == 0
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
