# SPDX-License-Identifier: GPL-3.0-or-later
"""--measure on real kernels, beside a program in C that knows nothing of it.

Nothing is said of absolute numbers: both are measured in turns on the same SA, and what a faster
driver does is seen within one run.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.report_schema import checked
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel

SCRIPT = Path(__file__).parents[1] / "guests" / "throughput.py"
SIZES = [64, 512, 1400]
# What a daemon gets on a kernel that has loaded these and nothing of the CPU's own.
GENERIC = ("xfrm_user", "esp4", "ctr", "cbc", "authenc", "echainiv", "drbg", "sha512_generic")


def compiled(place: Path) -> bytes:
    """The program in C, as any guest can start it."""
    program = place / "throughput"
    source = SCRIPT.with_suffix(".c")
    command = ["gcc", "-O2", "-Wall", "-Werror", "-static", "-o", str(program), str(source)]
    subprocess.run(command, check=True)
    return program.read_bytes()


def in_guest(kernel: Kernel, place: Path, *arguments: str) -> dict[str, Any]:
    command = ["python3", str(SCRIPT), *arguments]
    result = run(kernel, command, files={"/throughput": compiled(place)}, timeout=400)
    assert result.status == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def measured(said: dict[str, Any]) -> dict[str, Any]:
    """What was measured, by need."""
    report = checked(json.dumps(said["report"]))
    return {each["need"]: each for each in report["measured"]["needs"]}


@pytest.fixture(scope="module")
def answer(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return in_guest(kernel, tmp_path_factory.mktemp("c"))


@pytest.mark.kernels("uml-7")
class TestOnAProcess:
    """What needs no particular CPU."""

    def test_with_check_nothing_is_loaded(self, answer: dict[str, Any]) -> None:
        said = answer["check"]
        would = "the kernel would have to load veth"
        assert said["status"] == 3 and would in said["stderr"]
        assert said["report"]["error"]["message"] == would
        before, after = answer["modules"]
        assert before == after
        there = answer["check when all is there"]
        assert (there["status"], there["stderr"]) == (0, "")

    def test_root_and_nobody_measure_the_same_needs(self, answer: dict[str, Any]) -> None:
        assert "the kernel will load by itself what is missing: " in answer["nobody"]["stderr"]
        for who, families in (("nobody", 2), ("root", 1), ("others", 1)):
            said = answer[who]
            assert said["status"] == 0, said
            found = measured(said)
            assert len(said["report"]["measured"]["clear"]) == families
            for need in found.values():
                assert [speed["bytes"] for speed in need["speeds"]] == SIZES, need
                assert all(speed["packets_per_second"] > 0 for speed in need["speeds"])
                assert need["driver"] and not need["why"]
        assert len(measured(answer["nobody"])) == 4
        assert [need.split()[0] for need in measured(answer["others"])] == ["AH", "AH", "IPComp"]

    def test_bits_are_those_of_the_packets(self, answer: dict[str, Any]) -> None:
        for need in measured(answer["root"]).values():
            for speed in need["speeds"]:
                bits = speed["packets_per_second"] * speed["bytes"] * 8
                assert abs(speed["bits_per_second"] - bits) <= speed["bytes"] * 4
                assert 0 <= speed["spread"] < 1

    def test_another_program_measures_the_same(self, answer: dict[str, Any]) -> None:
        """Within fifteen percent: the best of several turns, as both are slower when disturbed."""
        sides = answer["side by side"]
        assert sides["sent"] == sides["arrived"]
        assert {size: round(ratio, 2) for size, ratio in ratios(sides).items()} == {
            size: pytest.approx(1, abs=0.15) for size in SIZES
        }

    def test_nothing_is_left_behind(self, answer: dict[str, Any]) -> None:
        assert (answer["states"], answer["namespaces"]) == ("", 1)


def ratios(sides: dict[str, Any]) -> dict[int, float]:
    """Of each size, how many packets per second we see of those that the program in C sees."""
    best = [max(column) for column in zip(*sides["ours"], strict=True)]
    theirs = [max(column) for column in zip(*sides["theirs"], strict=True)]
    return {size: a / b for size, a, b in zip(SIZES, best, theirs, strict=True)}


@pytest.mark.kernels("6.1")
def test_the_cpus_own_code_is_seen_to_be_faster(kernel: Kernel, tmp_path: Path) -> None:
    answer = in_guest(kernel, tmp_path, *GENERIC)
    (need,) = measured(answer["load"]).values()
    before = need["before"]["driver"]
    assert before == "echainiv(authenc(hmac(sha256-generic),cbc(aes-generic)))"
    assert "cbc-aes-aesni" in need["driver"] and "aesni_intel" in answer["modules"][1]
    assert rate(need) > rate(need["before"])
    (slow,), (fast,) = (measured(answer[when]).values() for when in ("before", "after"))
    assert (slow["driver"], fast["driver"]) == (before, need["driver"])
    assert max(rate(fast), rate(need)) > max(rate(slow), rate(need["before"]))


def rate(found: dict[str, Any]) -> int:
    """Packets of 1400 bytes per second."""
    return int(found["speeds"][-1]["packets_per_second"])
