# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: what the README shows of it is true, and an ordinary user can run it.

`make readme` writes its transcript into the README.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.vm.harness import uml
from tests.vm.harness.image import REPOSITORY

pytestmark = pytest.mark.uml

README = REPOSITORY / "README.md"
BLOCK = re.compile(r"(?<=```console\n\$ make demo\n).+?(?=```)", re.DOTALL)
# moves with every update of Debian
RELEASE = re.compile(r"(?<=6\.1\.)\d+\b")
DEMO = REPOSITORY / "scripts" / "demo.py"
COPIED = ("Makefile", "hatch_build.py", "pyproject.toml", "README.md", "LICENSE", "scripts")
PACKAGE = ("modprobe_ipsec", "data", "container", "systemd", "man")
AS_USER = (
    ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") if not os.geteuid() else ()
)


def transcript() -> str:
    """What it says with Debian 12's kernel."""
    command: list[str | Path] = [sys.executable, DEMO, uml.fetch("uml-6.1").root]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return RELEASE.sub("176", done.stdout).rstrip() + "\n"


def test_the_transcript_is_true() -> None:
    assert BLOCK.findall(README.read_text()) == [transcript()]


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    """A checkout that every user can read, with all that `make demo` installs into it."""
    with tempfile.TemporaryDirectory(prefix="modprobe-ipsec-demo-") as directory:
        place = Path(directory)
        place.chmod(0o755)
        for name in (*COPIED, *PACKAGE):
            source = REPOSITORY / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, place / name)
        # the system's Python, that everybody can read
        made = make(place, ".venv/installed", "PYTHON=/usr/bin/python3")
        assert made.returncode == 0, made.stderr
        yield place


def make(place: Path, *words: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    command = [*prefix, "make", "--no-print-directory", "-C", str(place), *words]
    return subprocess.run(command, capture_output=True, text=True)


def test_an_ordinary_user_can_run_it(checkout: Path) -> None:
    done = make(checkout, "demo", prefix=AS_USER)
    assert (done.returncode, done.stderr) == (0, "")
    # as on any host: what is in the way, and that it works without
    assert re.search(r"^blocked: .*: install esp4 /bin/false", done.stdout, re.MULTILINE)
    assert re.search(r"^\d needs: \d ready \(proven with real SAs\)$", done.stdout, re.MULTILINE)


def test_where_it_cannot_run_it_says_why_and_checks(checkout: Path) -> None:
    done = make(checkout, "demo", f"UML={checkout}/nowhere", prefix=AS_USER)
    line, *_ = done.stderr.splitlines()
    assert line.startswith("no demonstration: user-mode-linux is not installed; as root: apt-get")
    assert "modprobe-ipsec --check: exit status" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (
            "echo 'ptrace: not permitted' >&2; exit 1",
            69,
            "does not run here: ptrace: not permitted",
        ),
        ("echo started; echo 'Kernel panic' >&2", 1, "Kernel panic"),
        ("echo 'demo: status 1'", 1, ""),
        ("echo 'demo: status 0'", 0, ""),
    ],
    ids=["forbidden", "dies", "another answer", "well"],
)
def test_how_it_ended_is_told(tmp_path: Path, text: str, status: int, said: str) -> None:
    program = tmp_path / "usr/bin/linux.uml"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    done = subprocess.run([sys.executable, DEMO, tmp_path], capture_output=True, text=True)
    assert done.returncode == status
    assert said in done.stderr and done.stderr.count("\n") <= 1


if __name__ == "__main__":
    README.write_text(BLOCK.sub(lambda _: transcript(), README.read_text()))
