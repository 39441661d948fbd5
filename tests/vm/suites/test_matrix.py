# SPDX-License-Identifier: GPL-3.0-or-later
"""The tool is right about every transform on every kernel: `ip xfrm state add` says so.

All of it with the kernel's own module loading switched off.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.shipped import CATALOG
from tests.vm.conftest import observe
from tests.vm.harness.kernels import Kernel
from tests.vm.harness.suites import AEADS, ALL, PAIRS, Case

pytestmark = pytest.mark.qemu

WORKS = {"ready", "slow"}
CANNOT = {"missing", "blocked"}

Observed = Callable[[Kernel, str, list[Case]], list[dict[str, Any]]]
Matrix = list[tuple[Case, dict[str, Any], dict[str, Any]]]


@pytest.fixture(scope="session")
def matrix(kernel: Kernel, observed: Observed) -> Matrix:
    """All cases on one kernel, in one guest; and their SAs with every accelerator loaded."""
    rows = observed(kernel, "matrix", ALL)
    best = [row["best"] for row in rows[len(ALL) :]]
    return list(zip(ALL, rows[: len(ALL)], best, strict=True))


def verdicts(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The tool's needs by the names that the guest uses for its variants."""
    return {
        f"{need['family']} {need['esn']} "
        f"{(need['encryption'] or need['integrity'])['key_bits']}": need
        for need in report["needs"]
    }


def test_without_the_tool_nothing_works(matrix: Matrix) -> None:
    for case, row, _ in matrix:
        assert not any(sa["added"] for sa in row["before"].values()), case.form


def test_ready_is_a_promise_and_cannot_is_true(matrix: Matrix) -> None:
    wrong = []
    for case, row, _ in matrix:
        said = verdicts(row["run"]["report"])
        assert said.keys() == row["after"].keys(), case.form
        for variant, sa in row["after"].items():
            verdict = said[variant]["verdict"]
            if verdict not in (WORKS if sa["added"] else CANNOT):
                wrong.append((case.form, variant, verdict, sa["said"], said[variant]["reasons"]))
    assert wrong == []


def test_the_exit_status_is_the_worst_verdict(matrix: Matrix) -> None:
    for case, row, _ in matrix:
        found = {need["verdict"] for need in row["run"]["report"]["needs"]}
        expected = 2 if found & CANNOT else 1 if "slow" in found else 0
        assert row["run"]["status"] == expected, case.form


def test_check_afterwards_says_the_same_without_asking(matrix: Matrix) -> None:
    wrong = []
    for case, row, _ in matrix:
        ran, checked = (verdicts(row[key]["report"]) for key in ("run", "check"))
        for variant, need in ran.items():
            if need["verdict"] != checked[variant]["verdict"]:
                wrong.append((case.form, variant, need["verdict"], checked[variant]))
    assert wrong == []


def test_nothing_is_slow_after_the_tool(matrix: Matrix) -> None:
    for case, row, _ in matrix:
        slow = [n["reasons"] for n in row["run"]["report"]["needs"] if n["verdict"] == "slow"]
        assert not slow, case.form


def test_the_driver_is_the_one_that_wins_when_all_accelerators_are_loaded(matrix: Matrix) -> None:
    wrong = []
    for case, row, best in matrix:
        for variant, winner in best.items():
            if row["after"][variant]["driver"] != winner["driver"]:
                wrong.append((case.form, row["after"][variant]["driver"], winner["driver"]))
    assert wrong == []


def test_the_proof_names_the_driver(matrix: Matrix) -> None:
    for case, row, _ in matrix:
        said = verdicts(row["run"]["report"])
        for variant, sa in row["after"].items():
            if sa["added"]:
                assert said[variant]["proof"]["driver"] == sa["driver"], case.form


def test_the_kernel_had_nothing_to_add(matrix: Matrix) -> None:
    for case, row, _ in matrix:
        assert row["run"]["report"]["autoloaded"] == [], case.form


def test_the_map_promises_no_transform_that_this_test_forgets() -> None:
    words = CATALOG.vocabularies["strongswan"].words
    used = {word for case in ALL for word in case.proposal.split("-") if word in words}
    tested = {words[word].transform.name for word in used}
    # the last three: the same refusal over again
    forgotten = {word.transform.name for word in words.values()} - tested
    assert forgotten == {"CAMELLIA_CCM_12", "CAMELLIA_CCM_8", "CAMELLIA_XCBC_96"}


# One of each kind of crypto there is.
TELLING = (
    *("aes#gcm16", "aes#ccm16", "aes#gmac", "chacha20poly1305", "aes#-sha256", "aes#ctr-sha256"),
    *("3des-sha1", "camellia#-sha256", "serpent#-sha256", "twofish#-sha256", "null-sha1"),
    *("aesxcbc", "aescmac", "sha256", ""),
)


def test_no_module_is_superfluous(kernel: Kernel, observed: Observed) -> None:
    # keys of any length load the same
    cases = [case.with_longest_key() for case in ALL if case.form in TELLING]
    assert len(cases) >= len(TELLING)
    useless = []
    for case, row in zip(cases, observed(kernel, "superfluous", cases), strict=True):
        for module, sas in row["taken"].items():
            if all(
                sa["added"] and sa["priority"] >= row["usual"][variant]["priority"]
                for variant, sa in sas.items()
            ):
                useless.append((case.form, module))
        # what cannot be taken away: the random generator, once an SA has used it
        held = set(row["loaded"]) - set(row["taken"])
        assert held <= {"drbg", "sha512_generic", "sha512_ssse3"}, case.form
    assert useless == []


@pytest.mark.kernels("5.10", "6.1-cloud", "7")
@pytest.mark.parametrize("case", [AEADS[2], PAIRS[0]], ids=lambda case: case.form)
def test_fresh_boot(kernel: Kernel, case: Case) -> None:
    """The random generator stays once it is loaded; only the first case of a boot shows it."""
    case = case.with_longest_key()
    (row,) = observe(kernel, "first", [case], timeout=120)
    assert row["left"] == []
    assert not any(sa["added"] for sa in row["before"].values())
    assert row["run"]["status"] == 0
    assert all(sa["added"] for sa in row["after"].values())
    if case.proposal == "aes256gcm16":
        # the script that libreswan once had loads 68
        assert len(row["loaded"]) <= 12, row["loaded"]
