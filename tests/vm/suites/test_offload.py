# SPDX-License-Identifier: GPL-3.0-or-later
"""ESP offload, where a configuration asks for it: network cards say what they can do.

netdevsim is the kernel's own card without hardware; its driver takes SAs as mlx5's does.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel
from tests.vm.harness.netdevsim import BuildError, module

# whose driver takes SAs, and no user-mode-linux has it
pytestmark = pytest.mark.kernels("6.1")

SCRIPT = Path(__file__).parents[1] / "guests" / "offload.py"
CAN = "card0 (netdevsim): esp-hw-offload on"


@pytest.fixture(scope="module")
def answer(kernel: Kernel) -> dict[str, Any]:
    try:
        netdevsim = module(kernel)
    except BuildError as error:
        pytest.fail(str(error), pytrace=False)
    modules = kernel.modules / "kernel"
    files = {
        "/netdevsim.ko": netdevsim,
        "/tls.ko": (modules / "net/tls/tls.ko").read_bytes(),
        "/bonding.ko": (modules / "drivers/net/bonding/bonding.ko").read_bytes(),
    }
    result = run(kernel, ["python3", str(SCRIPT)], files=files, timeout=400)
    assert result.status == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def said(answer: dict[str, Any], case: str) -> tuple[str, str, str]:
    """Verdict, first reason and its remedy."""
    assert answer[case]["stderr"] == ""
    (need,) = answer[case]["said"]
    reason = need["reasons"][0]
    return need["verdict"], reason["text"], reason["remedy"]


def test_no_card(answer: dict[str, Any]) -> None:
    verdict, text, remedy = said(answer, "no card")
    assert (verdict, answer["no card"]["status"]) == ("missing", 2)
    assert text == "no network card here has ESP offload (there is none)" and remedy


def test_auto_needs_no_card(answer: dict[str, Any]) -> None:
    # loadable: nothing is loaded yet
    assert (answer["auto"]["status"], answer["auto"]["said"]) == (1, [])


def test_libreswan_4_needs_no_card_either(answer: dict[str, Any]) -> None:
    """It asks without looking at the card, and the kernel then encrypts in software."""
    verdict, text, _ = said(answer, "no card, libreswan 4.10")
    assert verdict == "loadable" and "leaves the encryption to the kernel" in text
    assert said(answer, "no card, libreswan 5.2")[0] == "missing"
    assert answer["AES-GCM on lo"] == 0
    assert "dev lo" not in answer["SAs"]


def test_features_are_read_as_they_are(answer: dict[str, Any]) -> None:
    found = answer["features"]
    assert (found["bond0"], found["robin"], found["lo"]) == ("on", "off", "off [fixed]")


def test_a_bond_that_shows_the_feature_is_no_card(answer: dict[str, Any]) -> None:
    """And the kernel refuses an SA there."""
    assert said(answer, "bonds")[0] == "missing"
    assert answer["AES-GCM on a bond"] != 0


def test_a_card_that_can(answer: dict[str, Any]) -> None:
    verdict, text, remedy = said(answer, "check")
    assert (verdict, answer["check"]["status"]) == ("loadable", 1)
    assert "not loaded: esp4_offload" in text and CAN in text and remedy
    assert said(answer, "blocked")[0] == "blocked"


def test_a_load_brings_what_the_card_needs(answer: dict[str, Any]) -> None:
    assert "esp4_offload" not in answer["modules before"]
    assert "esp4_offload" in answer["modules after"]
    assert answer["load"]["status"] == 0
    for case in ("load", "loaded", "libreswan 4.10", "libreswan 5.2"):
        verdict, text, _ = said(answer, case)
        assert verdict == "ready" and text.startswith(f"{CAN}; which algorithms it takes"), case


def test_it_takes_no_privileges(answer: dict[str, Any]) -> None:
    assert said(answer, "nobody") == said(answer, "loaded")


def test_the_kernel_agrees(answer: dict[str, Any]) -> None:
    """On what the card can, and that its driver decides about the algorithms."""
    assert answer["AES-GCM"] == 0 and answer["AES-CBC"] != 0
    assert "crypto offload parameters: dev card0 dir out" in answer["SAs"]


@pytest.mark.parametrize("daemon", ["strongswan", "libreswan=5.2"])
def test_whole_packets_are_unknown(answer: dict[str, Any], daemon: str) -> None:
    verdict, text, _ = said(answer, f"packet {daemon}")
    assert verdict == "unknown" and answer[f"packet {daemon}"]["status"] == 3
    assert CAN in text and "only an SA on it tells" in text


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("no sysfs", "/sys/class/net shows nothing"),
        # sysfs shows the interfaces of the namespace that it was mounted in
        ("another namespace", "card0 (netdevsim): no such device"),
        ("a name that is no text", "can't decode"),
    ],
)
def test_what_cannot_be_asked_is_unknown(answer: dict[str, Any], case: str, why: str) -> None:
    verdict, text, _ = said(answer, case)
    assert verdict == "unknown" and why in text


def test_asking_loads_nothing(answer: dict[str, Any]) -> None:
    assert said(answer, "a module as name")[0] == "unknown"
    assert "sctp" not in answer["modules then"]


def test_a_name_is_only_shown(answer: dict[str, Any]) -> None:
    verdict, text, _ = said(answer, "a command as name")
    assert verdict == "ready" and "$(reboot)" in text
