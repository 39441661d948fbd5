# SPDX-License-Identifier: GPL-3.0-or-later
"""Each file of cases/ with what is expected of it, in a text beside it.

`# version 4.10`, `# families ipv4` and `# fips` in the first lines say how it is read; a line
`#-- PATH` starts another file. After a change that is meant, write the expected texts anew with
`python -m tests.daemons.libreswan.test_cases`, and read the difference.
"""

import re
from pathlib import Path

import pytest

from modprobe_ipsec.catalog.model import Family

from .common import CONF, lines, read

CASES = sorted((Path(__file__).parent / "cases").glob("*.conf"))
_NEXT_FILE = re.compile(r"^#-- (\S+)\n", re.MULTILINE)


def files(case: Path) -> dict[str, str]:
    """The files of a case. With newline="", since some have Windows line ends."""
    with case.open(encoding="utf-8", newline="") as file:
        first, *rest = _NEXT_FILE.split(file.read())
    return {CONF: first, **dict(zip(rest[::2], rest[1::2], strict=True))}


def version(case: Path) -> tuple[int, int]:
    found = re.search(r"^# version (\d+)\.(\d+)$", files(case)[CONF], re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else (5, 4)


def answer(case: Path) -> str:
    texts = files(case)
    families = re.search(r"^# families (.*)$", texts[CONF], re.MULTILINE)
    reading = read(
        texts,
        families=tuple(map(Family, families[1].split())) if families else tuple(Family),
        version=version(case),
        fips="\n# fips\n" in f"\n{texts[CONF]}",
    )
    return "".join(f"{line}\n" for line in lines(reading))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_case(case: Path) -> None:
    assert answer(case) == case.with_suffix(".expected").read_text(encoding="utf-8")


def test_enough() -> None:
    assert len(CASES) >= 35


if __name__ == "__main__":
    for each in CASES:
        each.with_suffix(".expected").write_text(answer(each), encoding="utf-8")
