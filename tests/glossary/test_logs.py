# SPDX-License-Identifier: GPL-3.0-or-later
"""Excerpts of real logs lead to the right terms; tests/vm/suites/test_logs.py makes them."""

from pathlib import Path

import pytest

from modprobe_ipsec.glossary.log import search
from tests.glossary import BOOK
from tests.vm.suites.test_logs import FAILURES, FIPS

LOGS = sorted((Path(__file__).parent / "logs").glob("*.log"))


@pytest.mark.parametrize("path", LOGS, ids=[path.stem for path in LOGS])
def test_the_right_terms_are_found(path: Path) -> None:
    (failure,) = [f for f in (*FAILURES, *FIPS) if path.stem.endswith(f"wan-{f.name}")]
    found = {finding.entry.term.name for finding in search(path.read_text(), BOOK).findings}
    assert failure.terms_of(path.stem) and failure.terms_of(path.stem) <= found
    for finding in search(path.read_text(), BOOK).findings:
        # counters explain themselves by `does` and `when`
        assert finding.entry.term.remedy or finding.chapter == "counters"


def test_there_are_many() -> None:
    assert len(LOGS) >= 30
    assert {path.stem.partition("-")[2].partition("-")[0] for path in LOGS} == {
        "libreswan",
        "strongswan",
    }
