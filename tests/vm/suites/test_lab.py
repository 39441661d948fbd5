# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets on real kernels: what every transform does, and what must fail does fail."""

import json
from pathlib import Path
from typing import Any

import pytest

from modprobe_ipsec.needs.need import Mode
from tests.report_schema import checked
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel

pytestmark = pytest.mark.kernels("uml-5.10", "uml-6.1", "uml-6.12", "uml-7")
SCRIPT = Path(__file__).parents[1] / "guests" / "lab.py"

ALWAYS = ["round trip", "replay", "control"]


@pytest.fixture(scope="module")
def answer(kernel: Kernel) -> dict[str, Any]:
    result = run(kernel, ["python3", str(SCRIPT)], timeout=400)
    assert result.status == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_every_transform_is_proven_with_packets(answer: dict[str, Any]) -> None:
    said = answer["all"]
    assert (said["status"], said["stderr"]) == (0, "")
    needs = checked(json.dumps(said["report"]))["needs"]
    asked = [need for need in needs if need["proof"]["answer"] != "not asked"]
    assert all(
        need["proof"]["why"].startswith("no kernel can") for need in needs if need not in asked
    )
    assert len(asked) > 200 and all(need["verdict"] == "ready" for need in asked)
    assert {need["family"] for need in asked} == {"ipv4", "ipv6"}
    for need in asked:
        steps = {step["name"]: step["seen"] for step in need["proof"]["steps"]}
        assert all(step["held"] for step in need["proof"]["steps"])
        expected = ["round trip", "control"] if need["protocol"] == "comp" else [*ALWAYS]
        expected += ["ESN" if need["esn"] else "no replay window"] * (need["protocol"] != "comp")
        expected += ["in UDP"] * (need["protocol"] == "esp")
        expected += ["XFRM interface"] * (need["protocol"] != "comp")
        assert list(steps) == expected, need["need"]
        checks = need["integrity"] or (need["encryption"] or {}).get("icv_bits")
        assert ("nobody checks" in steps.get("replay", "nobody checks")) == (not checks)


def test_nobody_proves_the_same(answer: dict[str, Any]) -> None:
    said = answer["nobody"]
    assert (said["status"], said["stderr"]) == (0, "")
    steps = [need["proof"]["steps"] for need in said["report"]["needs"]]
    assert len(steps) == 4 and all(step["held"] for each in steps for step in each)


@pytest.mark.parametrize("mode", [Mode.TRANSPORT, Mode.TUNNEL, Mode.BEET])
def test_each_mode(answer: dict[str, Any], mode: Mode) -> None:
    steps = answer["modes"][mode]
    last = ["in UDP"] + ["XFRM interface"] * (mode is Mode.TUNNEL)
    assert [step["name"] for step in steps] == [*ALWAYS, "no replay window", *last]
    assert all(step["held"] for step in steps)
    with_esn = answer["transport with ESN"]
    assert [step["name"] for step in with_esn] == [*ALWAYS, "ESN", "in UDP"]
    assert all(step["held"] for step in with_esn)


def test_an_sa_that_the_kernel_takes_and_cannot_serve(
    answer: dict[str, Any], kernel: Kernel
) -> None:
    """None of these kernels has IP-TFS, and the newest does not say so when asked for the SA."""
    (step,) = answer["modes"][Mode.IPTFS]
    assert (step["name"], step["held"]) == ("round trip", False)
    taken = "the kernel takes the SA and has no IP-TFS" in step["seen"]
    assert taken == (kernel.name == "uml-7")


def test_a_cipher_that_nobody_checks(answer: dict[str, Any]) -> None:
    """`ip xfrm` takes it like any other; the step says what it lacks."""
    seen = {step["name"]: (step["held"], step["seen"]) for step in answer["cipher alone"]}
    assert seen["replay"] == (True, "a copy is dropped; nobody checks what is in it")
    # while the same with integrity has a copy that was changed on the way dropped
    checked_ = {step["name"]: step["seen"] for step in answer["modes"][Mode.TUNNEL]}
    assert checked_["replay"] == "a copy is dropped, and so is a corrupted one"


@pytest.mark.parametrize(
    ("case", "seen"),
    [
        (
            "wrong key",
            "a packet did not arrive (sender: no counter; receiver: XfrmInStateProtoError +1)",
        ),
        ("no policy", "sent in the clear, as protocol 17"),
        ("no way in", "a packet did not arrive (sender: no counter; receiver: no counter)"),
    ],
)
def test_what_is_broken_is_seen(answer: dict[str, Any], case: str, seen: str) -> None:
    assert answer[case] == [{"name": "round trip", "held": False, "seen": seen}]


def test_the_host_keeps_no_sa(answer: dict[str, Any]) -> None:
    assert answer["states"] == ""


@pytest.mark.kernels("7")
def test_debians_own_kernels_have_xfrm_interfaces(kernel: Kernel) -> None:
    asked = ("--check", "--prove=packets", "--format", "json", "--esp", "aes256gcm16,aes128-sha256")
    result = run(kernel, ["python3", "-I", "-m", "modprobe_ipsec", *asked], timeout=300)
    needs = checked(result.stdout)["needs"]
    assert (len(needs), result.stderr) == (4, "")
    for need in needs:
        steps = {step["name"]: step["seen"] for step in need["proof"]["steps"]}
        assert need["proof"]["answer"] == "accepted", need["proof"]
        assert steps["XFRM interface"] == "there and back"
