# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests do what the other tests in this directory rely on."""

import json
import platform
from pathlib import Path

import pytest

from tests.vm.harness.guest import LostGuest, run
from tests.vm.harness.kernels import Kernel

pytestmark = pytest.mark.vm

SELFTEST = Path(__file__).parents[1] / "guests" / "selftest.py"


def test_guest_has_what_tests_need(kernel: Kernel) -> None:
    result = run(kernel, ["python3", str(SELFTEST)])
    assert (result.status, result.stderr) == (0, "")
    said = json.loads(result.stdout)
    assert said["release"] == kernel.release
    assert said["python"] == platform.python_version()
    assert said["modules at boot"] == []
    assert {what: why for what, why in said["trouble"].items() if why} == {}
    assert {"esp4", "xfrm_user", "seqiv"} <= set(said["modules"])


def test_status_and_both_outputs_come_back(kernel: Kernel) -> None:
    result = run(kernel, ["sh", "-c", "echo out; printf 'a\\r\\n\\0b' >&2; exit 3"])
    assert (result.status, result.stdout, result.stderr) == (3, "out\n", "a\r\n\0b")


def test_much_output_comes_back(newest_kernel: Kernel) -> None:
    result = run(newest_kernel, ["seq", "300000"])
    assert result.stdout.split() == [str(number) for number in range(1, 300001)]


def test_files_processor_and_command_line(newest_kernel: Kernel) -> None:
    script = b"#!/bin/sh\ncat /etc/modprobe.d/test.conf /proc/cmdline\ngrep -cw aes /proc/cpuinfo\n"
    result = run(
        newest_kernel,
        ["/opt/script"],
        cpu="qemu64",
        cmdline="module_blacklist=esp4",
        files={"/opt/script": script, "/etc/modprobe.d/test.conf": b"blacklist esp6\n"},
    )
    blacklist, cmdline, processors_with_aes = result.stdout.splitlines()
    assert blacklist == "blacklist esp6"
    assert cmdline.endswith(" module_blacklist=esp4")
    assert processors_with_aes == "0"


def test_there_is_an_unprivileged_user(newest_kernel: Kernel) -> None:
    result = run(newest_kernel, ["su", "nobody", "-c", "id -u; modprobe esp4"])
    assert result.stdout == "65534\n"
    assert result.status == 1
    assert "Operation not permitted" in result.stderr


def test_a_command_that_does_not_exist_is_a_result(newest_kernel: Kernel) -> None:
    assert run(newest_kernel, ["no-such-program"]).status == 127


def test_a_guest_that_hangs_is_lost(newest_kernel: Kernel) -> None:
    with pytest.raises(LostGuest, match="no answer within 8 s"):
        run(newest_kernel, ["sh", "-c", "echo unseen > /dev/console; sleep 600"], timeout=8)


def test_a_guest_that_panics_is_lost(newest_kernel: Kernel) -> None:
    with pytest.raises(LostGuest, match="sysrq triggered crash"):
        run(newest_kernel, ["sh", "-c", "echo c > /proc/sysrq-trigger"])


def test_a_guest_that_reboots_is_lost(newest_kernel: Kernel) -> None:
    with pytest.raises(LostGuest, match="died without an answer"):
        run(newest_kernel, ["reboot", "-f"])
