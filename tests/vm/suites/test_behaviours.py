# SPDX-License-Identifier: GPL-3.0-or-later
"""What kernels do with packets: each answer is the one that was measured before, by other means.

`expected/behaviours/KERNEL.json` has every case; `--update` writes it down, to be read line by
line. `ANSWERS` are from measurements that were made before there were any probes.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from modprobe_ipsec.probes import names
from tests.report_schema import checked
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel

pytestmark = pytest.mark.kernels("uml-5.10", "uml-6.1", "uml-6.12", "uml-7")
SCRIPT = Path(__file__).parents[1] / "guests" / "behaviours.py"
EXPECTED = Path(__file__).parents[1] / "expected" / "behaviours"

KERNELS = ("uml-5.10", "uml-6.1", "uml-6.12", "uml-7")
ANSWERS = {
    "ecn-and-dscp": ("as RFC 3168",) * 4,
    "end-of-life": ("told, and gone",) * 4,
    "flows-of-one-policy": ("one for all",) * 4,
    "icmp-errors": ("only with the flag icmp",) * 4,
    "iptfs": ("no", "no", "no", "no, and it looks so"),
    "larval-acquire": ("the template's",) * 4,
    "migration": (*["MIGRATE"] * 3, "MIGRATE and MIGRATE_STATE"),
    "modes-and-protocols": ("transport, tunnel, beet",) * 4,
    "nat-traversal": ("no",) * 4,
    "optional-template": ("yes", *["not of tunnels, out"] * 3),
    "path-mtu": ("yes, by DF and EMSGSIZE",) * 4,
    "policy-attributes": ("IF_ID, MARK, level use",) * 4,
    "policy-flags": (*["icmp"] * 2, *["icmp and cpu-acquire"] * 2),
    "sa-attributes": ("up to IF_ID", "up to MTIMER_THRESH", *["up to SA_PCPU"] * 2),
    "sa-direction": ("not known", "not known", "enforced", "enforced"),
    "sa-flags": ("no, all are taken",) * 4,
    # 6.1.176 is from before the fix that 6.1.192 has
    "spi-reservation": ("yes", "yes", "no", "no"),
    "sysctl-values": ("they do",) * 4,
    "unknown-spi": ("counted, not told",) * 4,
}
HIDDEN = "hidden here: the network belongs to a user namespace"
UNCLEAR = "unclear: something else happened"


@pytest.fixture(scope="module")
def answer(kernel: Kernel) -> dict[str, Any]:
    result = run(kernel, ["python3", str(SCRIPT)], timeout=400)
    assert result.status == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def behaviours(report: dict[str, Any]) -> dict[str, Any]:
    """Answer and cases by name."""
    found = checked(json.dumps(report))["lab"]["behaviours"]
    return {
        each["name"]: {
            "answer": each["answer"],
            **({"why": each["why"]} if each["why"] else {}),
            "cases": {case["case"]: case["seen"] for case in each["cases"]},
        }
        for each in found
    }


def test_every_behaviour_is_expected() -> None:
    assert ANSWERS.keys() == set(names())


def test_answers_are_those_that_were_measured(answer: dict[str, Any], kernel: Kernel) -> None:
    assert (answer["root"]["status"], answer["root"]["stderr"]) == (0, "")
    found = behaviours(answer["root"]["report"])
    expected = {name: answers[KERNELS.index(kernel.name)] for name, answers in ANSWERS.items()}
    assert {name: each["answer"] for name, each in found.items()} == expected


def test_every_case_is_as_expected(
    answer: dict[str, Any], kernel: Kernel, request: pytest.FixtureRequest
) -> None:
    path = EXPECTED / f"{kernel.name}.json"
    found = behaviours(answer["root"]["report"])
    if request.config.getoption("--update"):
        path.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(path.read_text())


def test_nobody_hears_the_same_at_the_same_time(answer: dict[str, Any]) -> None:
    assert answer["nobody"]["status"] == 0
    nobody, root = (behaviours(answer[who]["report"]) for who in ("nobody", "root"))
    for name, each in root.items():
        cases = {case: for_nobody(case, seen) for case, seen in each["cases"].items()}
        assert nobody[name] == {"answer": each["answer"], "cases": cases}


def for_nobody(case: str, seen: str) -> str:
    """What who is not root sees instead."""
    if "larval_drop" in case or case.startswith("net.core"):
        return HIDDEN
    alone = "not here, as only root of the whole machine may listen"
    return alone if "auditing is off" in seen else seen


def test_the_host_is_as_before(answer: dict[str, Any]) -> None:
    assert answer["host is as before"]


def test_modules_are_named_before_they_are_loaded(answer: dict[str, Any]) -> None:
    checked_, first = answer["check"], answer["first"]
    assert (checked_["status"], checked_["report"]) == (3, "")
    assert answer["modules after check"] == []
    report = checked(json.dumps(first["report"]))
    would, did = report["lab"]["would_load"], report["autoloaded"]
    assert set(would) >= {"xfrm_user", "esp4", "veth"} and set(did) <= set(would) | LATER
    assert f"load by itself what is missing: {', '.join(would)}\n" in first["stderr"]
    assert f"have to load {', '.join(would)}\n" in checked_["stderr"]
    # now that they are there, nobody is warned, and --check may ask
    assert answer["root"]["report"]["lab"]["would_load"] == []
    then = answer["check, then"]
    assert (then["status"], then["stderr"]) == (0, "")
    assert "unknown-spi: Does the kernel tell anybody" in then["report"]


# All that answers `crypto-stdrng`, of which the map expects one; and what that then takes.
LATER = {"ansi_cprng", "jitterentropy_rng", "sha3_generic"}


def test_what_is_spoilt_is_not_an_answer(answer: dict[str, Any], kernel: Kernel) -> None:
    keys, policies = answer["other keys"], answer["no policies"]
    assert keys["nat-traversal"] == keys["end-of-life"] == UNCLEAR
    # where a direction is enforced, that comes before the key
    known = ANSWERS["sa-direction"][KERNELS.index(kernel.name)] == "enforced"
    assert keys["sa-direction"] == ("enforced" if known else UNCLEAR)
    assert policies["flows-of-one-policy"] == UNCLEAR
    assert "no acquire came" in policies["larval-acquire"]


def test_an_unknown_spi_can_be_watched(answer: dict[str, Any]) -> None:
    """By who has the rights, where it is switched on; otherwise it says why not."""
    root, watched = (
        behaviours(answer[who]["report"])["unknown-spi"] for who in ("root", "watched")
    )
    assert watched["answer"] == root["answer"]
    for family in ("IPv4", "IPv6"):
        before, now = (each["cases"] for each in (root, watched))
        by_filter, by_audit = (f"ESP {family}, {how}" for how in HOW)
        assert before[by_filter].startswith("not here, as the kernel would have to load nf_tables")
        assert now[by_filter].endswith("refuses the rule: Operation not supported")
        assert (before[by_audit], now[by_audit]) in (
            ("not here, as auditing is off", "seen"),
            ("not here, as the kernel has none", "not here, as the kernel has none"),
        )


HOW = ("logged by nftables", "in the audit log")


@pytest.mark.long
@pytest.mark.kernels("uml-7")
def test_fifty_kills_leave_nothing(kernel: Kernel) -> None:
    result = run(kernel, ["python3", str(SCRIPT), "50"], timeout=400)
    assert result.status == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["killed"] > 25
    assert said["namespaces"] == 1 and said["host is as before"]


# Debian's own kernels: which of the others answer alike, and what is different. The others of the
# same names are older. 6.18 is between two of them.
DEBIANS = {
    "5.10": ("uml-5.10", {"sa-attributes": "up to MTIMER_THRESH"}),
    "6.1": ("uml-6.1", {"spi-reservation": "no"}),
    "6.12": ("uml-6.12", {}),
    "6.18": ("uml-7", {"migration": "MIGRATE"}),
    "7": ("uml-7", {}),
}


@pytest.mark.kernels("6.1")
def test_debians_own_kernels_answer_the_same(
    kernel: Kernel, request: pytest.FixtureRequest
) -> None:
    """One of them is enough for every run of the tests; `--kernel` names another."""
    result = run(kernel, ["python3", str(SCRIPT), "filters"], timeout=600)
    assert result.status == 0, result.stderr
    answer = json.loads(result.stdout)
    like, others = DEBIANS[kernel.name]
    expected = {name: answers[KERNELS.index(like)] for name, answers in ANSWERS.items()} | others
    report = checked(json.dumps(answer["root"]["report"]))
    found = behaviours(report)
    assert {name: each["answer"] for name, each in found.items()} == expected
    would, did = report["lab"]["would_load"], report["autoloaded"]
    assert set(did) <= set(would) | LATER | BY_ALIAS, set(did) - set(would)
    if request.config.getoption("--update"):
        (EXPECTED / f"{kernel.name}.json").write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads((EXPECTED / f"{kernel.name}.json").read_text())
    watched = behaviours(answer["watched"]["report"])["unknown-spi"]["cases"]
    assert {watched[f"ESP {family}, {how}"] for family in ("IPv4", "IPv6") for how in HOW} == {
        "seen"
    }
    assert answer["dropped"] == {"sa-direction": UNCLEAR, "unknown-spi": UNCLEAR}


# What the kernel gets besides by asking for `aes`, `ghash` or `sha256`, of which there are many.
BY_ALIAS = {"cryptd", "crypto_simd", "aesni_intel", "aes_generic", "ghash_clmulni_intel"}
BY_ALIAS |= {"sha256_ssse3", "sha512_ssse3", "ghash_generic", "gf128mul", "libaes"}
