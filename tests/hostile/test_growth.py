# SPDX-License-Identifier: GPL-3.0-or-later
"""What hostile input costs grows no faster than the input: counted calls, and memory.

How processor time grows, `make bench` prints: a test looks at no clock.
"""

import math
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from .families import FAMILIES, Run

# The larger the sizes, the nearer what is linear comes to 1.
WORK, MEMORY = 1.3, 1.1


def calls(run: Run) -> int:
    """How many functions are called, Python's own included."""
    number = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return number


def peak(run: Run) -> int:
    """The most memory that is in use (bytes)."""
    tracemalloc.start()
    try:
        kept = run()
        assert kept is not tracemalloc
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def exponent(measure: Callable[[Run], int], runs: list[Run]) -> float:
    """By which power of the size it grows from the first to the last, which is four times as large.

    Not from one to the next: tables grow in steps.
    """
    before, after = measure(runs[0]), measure(runs[-1])
    return math.log(max(after, 1) / max(before, 1), 4)


@pytest.mark.parametrize("name", FAMILIES)
def test_growth(name: str, tmp_path: Path) -> None:
    make, size = FAMILIES[name]
    runs = []
    for factor in (1, 2, 4):
        place = tmp_path / str(factor)
        place.mkdir()
        runs.append(make(place, size * factor))
    # what is imported and remembered the first time
    runs[0]()
    assert exponent(calls, runs) < WORK
    assert exponent(peak, runs) < MEMORY
