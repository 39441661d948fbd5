# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found once stays mended: a script each, which also runs with any other build."""

import subprocess
import sys
from pathlib import Path

import pytest

PLACE = Path(__file__).parent / "reproductions"
SCRIPTS = sorted(path.stem for path in PLACE.glob("*.py") if path.stem != "reproduce")


@pytest.mark.parametrize("name", SCRIPTS)
def test_reproduction(name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(PLACE / f"{name}.py")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "right\n"), done.stdout + done.stderr


def test_there_are_some() -> None:
    assert len(SCRIPTS) >= 12
