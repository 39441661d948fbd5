# SPDX-License-Identifier: GPL-3.0-or-later
"""Each target with what was found before, and with some thousand random inputs.

For more: `make fuzz TARGET=NAME SECONDS=N`.
"""

import subprocess
import sys
from collections.abc import Callable

import pytest

from .targets import TARGETS

# A process each: what it counts is its own memory, and a hang is its own.
USUAL = 500


@pytest.mark.fuzz
@pytest.mark.parametrize("name", TARGETS)
def test_target(name: str, rounds: Callable[[int], int]) -> None:
    count = rounds(USUAL)
    command = [sys.executable, "-m", "tests.hostile.fuzz", name, "--count", str(count)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{name}: {count} inputs, ")
