# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests do what the other tests in this directory rely on."""

import json
import platform
import re
import subprocess
from pathlib import Path

import pytest

from tests.vm.harness.guest import LostGuest, run
from tests.vm.harness.kernels import DEFAULT, Kernel
from tests.vm.harness.uml import SUITES

# one of each kind of guest, for what does not depend on the kernel; a process where it does not
# depend on that either
pytestmark = pytest.mark.kernels("7", "uml-7")
SELFTEST = Path(__file__).parents[1] / "guests" / "selftest.py"


@pytest.mark.kernels(*DEFAULT, *SUITES)
def test_guest_has_what_tests_need(kernel: Kernel) -> None:
    result = run(kernel, ["python3", str(SELFTEST)])
    assert (result.status, result.stderr) == (0, "")
    said = json.loads(result.stdout)
    assert said["release"] == kernel.release
    assert said["python"] == platform.python_version()
    assert said["modules at boot"] == []
    assert {what: why for what, why in said["trouble"].items() if why} == {}
    assert {"esp4", "xfrm_user", "seqiv"} <= set(said["modules"])


@pytest.mark.kernels("uml-7")
def test_status_and_both_outputs_come_back(kernel: Kernel) -> None:
    result = run(kernel, ["sh", "-c", "echo out; printf 'a\\r\\n\\0b' >&2; exit 3"])
    assert (result.status, result.stdout, result.stderr) == (3, "out\n", "a\r\n\0b")


def test_much_output_comes_back(kernel: Kernel) -> None:
    result = run(kernel, ["seq", "300000"])
    assert result.stdout.split() == [str(number) for number in range(1, 300001)]


def test_files_and_command_line(kernel: Kernel) -> None:
    script = b"#!/bin/sh\ncat /etc/modprobe.d/test.conf /proc/cmdline\n"
    result = run(
        kernel,
        ["/opt/script"],
        cmdline="module_blacklist=esp4",
        files={"/opt/script": script, "/etc/modprobe.d/test.conf": b"blacklist esp6\n"},
    )
    blacklist, cmdline = result.stdout.splitlines()
    assert blacklist == "blacklist esp6"
    assert "module_blacklist=esp4" in cmdline.split()


@pytest.mark.kernels("7")
def test_processor(kernel: Kernel) -> None:
    assert run(kernel, ["grep", "-cw", "aes", "/proc/cpuinfo"], cpu="qemu64").stdout == "0\n"


@pytest.mark.kernels("uml-7")
def test_there_is_an_unprivileged_user(kernel: Kernel) -> None:
    result = run(kernel, ["su", "nobody", "-c", "id -u; modprobe esp4"])
    assert result.stdout == "65534\n"
    assert result.status == 1
    assert "Operation not permitted" in result.stderr


@pytest.mark.kernels("uml-7")
def test_a_command_that_does_not_exist_is_a_result(kernel: Kernel) -> None:
    assert run(kernel, ["no-such-program"]).status == 127


def test_a_guest_that_hangs_is_lost_and_leaves_no_process(kernel: Kernel) -> None:
    with pytest.raises(LostGuest, match="no answer within 8 s"):
        run(kernel, ["sh", "-c", "sleep 600 & sleep 600"], timeout=8, memory=701)
    processes = subprocess.run(["ps", "-e", "-o", "args="], capture_output=True, text=True)
    assert [line for line in processes.stdout.splitlines() if re.search(r"\b701(M|\b)", line)] == []


def test_a_guest_that_panics_is_lost(kernel: Kernel) -> None:
    with pytest.raises(LostGuest, match="sysrq triggered crash"):
        run(kernel, ["sh", "-c", "echo c > /proc/sysrq-trigger"])


@pytest.mark.kernels("uml-7")
def test_a_guest_that_reboots_is_lost(kernel: Kernel) -> None:
    with pytest.raises(LostGuest, match="died without an answer"):
        run(kernel, ["reboot", "-f"])
