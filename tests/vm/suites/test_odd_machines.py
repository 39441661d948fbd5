# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that lack something get a true answer, or hear what cannot be told and why."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.report_schema import checked
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel

# the oldest, one between and the newest: what differs more is in the matrix
pytestmark = pytest.mark.kernels("uml-5.10", "uml-6.1", "uml-7")
WITH_ACCELERATORS = pytest.mark.kernels("5.10", "7")
SCRIPT = Path(__file__).parents[1] / "guests" / "odd.py"


@pytest.fixture(scope="module")
def answer(kernel: Kernel) -> dict[str, Any]:
    result = run(kernel, ["python3", str(SCRIPT)], timeout=400)
    assert result.status == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def verdicts(said: dict[str, Any]) -> set[str]:
    return {need["verdict"] for need in said["report"]["needs"]}


def test_never_a_traceback(answer: dict[str, Any]) -> None:
    for case, said in answer.items():
        if isinstance(said, dict) and "stderr" in said:
            assert "Traceback" not in str(said["stderr"]), case


def test_looking_loads_nothing(answer: dict[str, Any]) -> None:
    assert answer["modules after looking"] == []


@pytest.mark.parametrize("case", ["check", "nobody checks", "no /sys"])
def test_what_is_needed_is_known_without_permission(answer: dict[str, Any], case: str) -> None:
    assert (answer[case]["status"], verdicts(answer[case])) == (1, {"loadable"})


@pytest.mark.parametrize("case", ["no /proc", "no /proc, no /sys"])
def test_unknown_is_said_with_its_reason(answer: dict[str, Any], case: str) -> None:
    said = answer[case]
    assert (said["status"], verdicts(said)) == (3, {"unknown"})
    assert all(need["reasons"][0]["text"] for need in said["report"]["needs"])
    assert said["report"]["gaps"]


def test_a_tree_that_is_hidden_from_us_may_be_there(answer: dict[str, Any]) -> None:
    said = answer["no module directory"]
    assert (said["status"], verdicts(said)) == (3, {"unknown"})
    assert "no module directory for " in said["report"]["needs"][0]["reasons"][0]["text"]


@pytest.mark.parametrize("case", ["no /proc/modules", "no /proc/crypto"])
def test_an_empty_list_is_no_list(answer: dict[str, Any], case: str) -> None:
    assert answer[case]["status"] in (1, 3)


def test_without_libkmod_nothing_can_be_loaded_and_the_package_is_named(
    answer: dict[str, Any],
) -> None:
    said = answer["no libkmod"]
    assert said["status"] == 3
    assert "libkmod.so.2" in said["stderr"] and "libkmod2" in said["stderr"]


def test_who_may_not_load_hears_so(answer: dict[str, Any]) -> None:
    said = answer["nobody loads, no autoload"]
    assert said["status"] == 77
    assert "CAP_SYS_MODULE" in said["stderr"]


def test_in_a_user_namespace_the_answer_is_the_same(answer: dict[str, Any]) -> None:
    assert answer["container"]["status"] == 1


def test_five_at_once_all_end_well(answer: dict[str, Any]) -> None:
    assert answer["together"]["statuses"] == [0] * 5, answer["together"]["stderr"]


def test_nothing_is_loaded_when_everything_is_there(answer: dict[str, Any]) -> None:
    again = answer["again"]
    assert again["status"] == 0
    assert again["report"]["loads"] == [] and again["report"]["plan"] == []


def test_nobody_can_prove_through_a_user_namespace(answer: dict[str, Any]) -> None:
    said = answer["nobody, all loaded"]
    assert (said["status"], verdicts(said)) == (0, {"ready"})


def test_ctrl_c_is_no_traceback_either(answer: dict[str, Any]) -> None:
    # Python itself may be hit before the first lines of ours
    assert "main.py" not in answer["killed"]["said"]


def test_cut_off_at_any_moment_it_leaves_nothing(answer: dict[str, Any]) -> None:
    killed = answer["killed"]
    before, after = killed["namespaces"]
    assert before == after
    assert killed["processes"] == [] and killed["states"] == ""
    assert killed["then"]["status"] == 0


# a hundred runs take a minute
@pytest.mark.long
@pytest.mark.kernels("uml-7")
def test_killed_a_hundred_times_it_leaves_nothing(kernel: Kernel) -> None:
    result = run(kernel, ["python3", str(SCRIPT), "killed"], timeout=600)
    assert result.status == 0, result.stderr
    answer = json.loads(result.stdout)
    ready = [
        need["need"] for need in answer["first"]["report"]["needs"] if need["verdict"] == "ready"
    ]
    assert len(ready) >= 20
    moments = answer["moments"]
    assert len(moments) == 100
    # some of them hit it with its namespace, and with an SA in that
    assert sum(moment["namespace"] for moment in moments) >= 10, moments
    assert any(moment["SA"] for moment in moments), moments
    for what in ("uses", "namespaces"):
        before, after = answer[what]
        assert before == after
    assert answer["processes"] == [] and answer["states"] == ""
    then = answer["then"]["report"]
    assert [need["need"] for need in then["needs"] if need["verdict"] == "ready"] == ready


def test_modules_that_the_kernel_loads_by_itself_are_named(answer: dict[str, Any]) -> None:
    said = answer["kernel loads by itself"]
    assert verdicts(said) <= {"ready", "slow"}
    # nobody has opened an IPv6 socket yet where IPv6 is a module
    modules = {{"ipv4": "ah4", "ipv6": "ah6"}[need["family"]] for need in said["report"]["needs"]}
    assert "ah4" in modules and modules <= set(said["report"]["autoloaded"])


@WITH_ACCELERATORS
def test_slow_says_what_would_be_faster(kernel: Kernel) -> None:
    result = run(kernel, ["python3", str(SCRIPT), "slow"], timeout=120)
    assert result.status == 0, result.stderr
    answer = json.loads(result.stdout)
    check, load = answer["check"], answer["load"]
    assert (check["status"], verdicts(check)) == (1, {"slow"})
    reason = check["report"]["needs"][0]["reasons"][0]
    assert "aesni_intel" in reason["text"] and reason["remedy"]
    assert (load["status"], verdicts(load)) == (0, {"ready"})


@WITH_ACCELERATORS
def test_a_cpu_without_aes_is_not_told_off(kernel: Kernel) -> None:
    command = ["modprobe-ipsec", "--esp", "aes256gcm16", "--format", "json"]
    result = run(kernel, command, cpu="qemu64", timeout=90)
    report = checked(result.stdout)
    assert (result.status, {n["verdict"] for n in report["needs"]}) == (0, {"ready"})
    assert "aesni_intel" not in str(report["loads"])
    assert "failed" not in {load["outcome"] for load in report["loads"]}
