# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever calls it: what is read takes no more processor time and memory than a run may have."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modprobe_ipsec.commands import reporting
from modprobe_ipsec.commands.main import main
from tests.daemons.libreswan.big import make_config
from tests.hosts import tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with many connections."""
    root = tree.assemble("booted-6.12", tmp_path / "host")
    for path, text in {**make_config(2000, 1), "usr/libexec/ipsec/pluto": ""}.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return root


def unlimited() -> bool:
    """Whether nothing of a run's limits is left for the program that comes after it."""
    return signal.getitimer(signal.ITIMER_PROF)[0] == 0 and (
        resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
    )


def test_processor_time(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check", "--quiet", "--root", str(root)]) < 4
    assert unlimited()
    capsys.readouterr()
    monkeypatch.setattr(reporting, "CPU_SECONDS", 0.05)
    assert main(["--check", "--root", str(root)]) == 3
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        "",
        "modprobe-ipsec: what is read here takes too much processor time, and was given up\n",
    )
    assert unlimited()


# In a process of its own: ours has memory to spare from other tests.
OF_MEMORY = """
import resource, sys
from pathlib import Path
from modprobe_ipsec.commands import reporting
from modprobe_ipsec.commands.main import main
reporting.MEMORY = int(Path("/proc/self/statm").read_text().split()[0]) << 12
status = main(sys.argv[1:])
print(status, resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY)
"""


def test_memory(root: Path) -> None:
    command = (sys.executable, "-c", OF_MEMORY, "--check", "--root", str(root))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (
        "3 True\n",
        "modprobe-ipsec: what is read here takes too much memory, and was given up\n",
    )
