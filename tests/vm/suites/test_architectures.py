# SPDX-License-Identifier: GPL-3.0-or-later
"""Other architectures: the tool is right there about whether, how fast, and with what.

All of a machine is asked in one boot. `make test-arch` boots each of `harness/machines.py` with all
cases; CI two, with two.
"""

import functools
import json
from typing import Any

import pytest

from tests.kernel import iproute2
from tests.vm.harness import foreign
from tests.vm.harness.kernels import fetch
from tests.vm.harness.machines import GUESTS
from tests.vm.harness.suites import SUITES, as_data
from tests.vm.suites.test_matrix import CANNOT, WORKS, verdicts

pytestmark = pytest.mark.qemu

FEW = [case for case in SUITES if case.form in ("aes#gcm16", "aes#-sha256")]
"""What CI tries: the rest takes emulated minutes."""
# where no program of the user land can ask the kernel for anything, whatever is loaded
UNABLE = ("i386-on-amd64",)

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest) -> str:
    """A name of GUESTS: those that `--machine` chose, or CI's."""
    name: str = request.param
    return name


@functools.cache
def answers(name: str, thorough: bool) -> dict[str, Rows]:
    """What a guest says, by part: of all suites, or CI's few."""
    made = GUESTS[name]
    files = {
        "/cases.json": json.dumps(as_data(SUITES if thorough else FEW)).encode(),
        "/commands": "\n".join(iproute2.commands()).encode(),
    }
    result = foreign.run(
        fetch(made.kernel),
        ["python3", "/guests/architecture.py", "structures", "matrix"],
        userland_of=made.userland,
        cpu=made.cpu,
        files=files,
        timeout=3600,
    )
    assert result.status == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    return {part: [r for r in rows if r["part"] == part] for part in ("structures", "matrix")}


@pytest.fixture(scope="module")
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether all suites are tried: where machines were chosen."""
    return bool(request.config.getoption("--machine"))


@pytest.fixture(scope="module")
def said(machine: str, thorough: bool) -> dict[str, Rows]:
    """All that a machine says."""
    return answers(machine, thorough)


@pytest.fixture(scope="module")
def rows(said: dict[str, Rows], thorough: bool) -> Rows:
    """A machine's matrix: a row for each case, with its best drivers."""
    cases = SUITES if thorough else FEW
    found = said["matrix"]
    return [
        {**row, "case": case.form or "ipcomp", "best": best["best"]}
        for case, row, best in zip(cases, found[: len(cases)], found[len(cases) :], strict=True)
    ]


def test_messages_are_those_of_this_architectures_ip(said: dict[str, Rows]) -> None:
    (sent,) = said["structures"]
    layout = sent["layout"]
    recorded = iproute2.recorded(layout["alignment"], layout["order"])
    assert sent["iproute2"] == {command: data.hex() for command, data in recorded}
    for command, data in recorded:
        # the rest is XFRMA_SRCADDR, which ESP, AH and IPComp do without
        wanted = data if command.startswith("add ") else data[:24]
        assert sent["ours"][command] == wanted.hex(), command


def test_ready_is_a_promise_and_cannot_is_true(rows: Rows) -> None:
    wrong = []
    for row in rows:
        said = verdicts(row["run"]["report"])
        assert said.keys() == row["after"].keys(), row["case"]
        for variant, sa in row["after"].items():
            verdict = said[variant]["verdict"]
            if verdict not in (WORKS if sa["added"] else CANNOT):
                wrong.append((row["case"], variant, verdict, sa["said"], said[variant]["reasons"]))
    assert wrong == []


def test_check_afterwards_agrees(rows: Rows) -> None:
    wrong = []
    for row in rows:
        ran, checked = (verdicts(row[key]["report"]) for key in ("run", "check"))
        for variant, need in ran.items():
            if need["verdict"] != checked[variant]["verdict"]:
                wrong.append((row["case"], variant, need["verdict"], checked[variant]))
    assert wrong == []


def test_the_driver_is_the_one_that_wins_when_all_accelerators_are_loaded(rows: Rows) -> None:
    wrong = [
        (row["case"], row["after"][variant]["driver"], winner["driver"])
        for row in rows
        for variant, winner in row["best"].items()
        if row["after"][variant]["driver"] != winner["driver"]
    ]
    assert wrong == []


def test_no_module_is_superfluous(rows: Rows) -> None:
    assert [(row["case"], module) for row in rows for module in superfluous(row)] == []


def superfluous(row: dict[str, Any]) -> list[str]:
    """Modules without which all SAs of a case have the same drivers."""
    return [
        module
        for module, sas in row["taken"].items()
        if all(
            sa["added"] and sa["driver"] == row["after"][variant]["driver"]
            for variant, sa in sas.items()
        )
    ]


def test_where_nothing_can_work_nothing_is_loaded(machine: str, rows: Rows) -> None:
    able = machine not in UNABLE
    for row in rows:
        works = {sa["added"] for sa in row["after"].values()}
        assert works == {able}, row["case"]
        assert able or row["loaded"] == [], row["case"]


def test_table(machine: str, rows: Rows) -> None:
    """What `make test-arch` prints."""
    print(f"\n{machine}")
    for row in rows:
        variant = next(reversed(row["best"]))
        ours, best = row["after"][variant], row["best"][variant]
        print(
            f"  {row['case']:24} {row['run']['status']} {ours['priority']:5} {ours['driver']}"
            + (f"  BEST {best['priority']} {best['driver']}" if best != ours else "")
            + (f"  SUPERFLUOUS {superfluous(row)}" if superfluous(row) else "")
        )
    assert rows
