# SPDX-License-Identifier: GPL-3.0-or-later
"""A check, a load and its proof import nothing of the lab, in no process of theirs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.bundle import IMPOSSIBLE

REPOSITORY = Path(__file__).parents[2]
GCM = ("--esp", "aes256gcm16")
OF_THE_LAB = (
    *("modprobe_ipsec.lab", "modprobe_ipsec.probes", "pyroute2", "modprobe_ipsec.needs.speed"),
    *("modprobe_ipsec.report.lab", "modprobe_ipsec.report.measure"),
)


def imported(*arguments: str) -> set[str]:
    command = [sys.executable, "-X", "importtime", "-m", "modprobe_ipsec", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=60)
    names = set(re.findall(r"^import time: .*\| +([\w.]+)$", done.stderr, re.MULTILINE))
    assert done.stdout and "modprobe_ipsec.commands.main" in names, done.stderr
    return {name for name in names if name.startswith(OF_THE_LAB)}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--check", *GCM),
        ("--check", "--format", "json", *GCM),
        ("--check", "--prove", *GCM),
        ("--dry-run", *GCM),
        # a load and a proof; no kernel can do it, so that nothing is loaded for it
        ("--esp", IMPOSSIBLE),
        ("--help",),
    ],
)
def test_nobody_else_pays(arguments: tuple[str, ...]) -> None:
    assert imported(*arguments) == set()


def test_who_asks_for_packets_does() -> None:
    assert {"modprobe_ipsec.lab.prove", "pyroute2"} <= imported("--check", "--prove=packets", *GCM)


def test_who_measures_does() -> None:
    found = imported("--check", "--measure", *GCM)
    assert {"modprobe_ipsec.report.measure", "modprobe_ipsec.needs.speed"} <= found
