# SPDX-License-Identifier: GPL-3.0-or-later
"""Each tree asks for what lies beside it."""

from pathlib import Path

import pytest

from .trees import CASES, outcome


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_tree(case: Path) -> None:
    assert outcome(case) == (case / "expected").read_text()


def test_enough() -> None:
    files = [path for case in CASES for path in case.rglob("*") if path.is_file()]
    assert len(files) - len(CASES) > 60
