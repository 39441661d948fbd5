# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing: only after everything is proven, and then for good."""

import json
from typing import Any

import pytest

from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel

pytestmark = pytest.mark.kernels("uml-7")

CONN = """
conn good
    left=192.0.2.9
    right=192.0.2.1
    esp=aes_gcm256
    auto=add
"""
FILES = {
    "/etc/bad.conf": CONN
    + "conn bad\n    left=192.0.2.9\n    right=192.0.2.1\n    esp=nonsense\n    auto=add\n",
    "/etc/modprobe.d/six.conf": "install esp6 /bin/false\n",
    # prints one JSON document a run: what was said, and how the kernel stands then
    "/seal": """#!/bin/sh
say() {
    modprobe-ipsec --format json "$@" >/run/said
    echo ",{\\"status\\": $?, \\"report\\": $(cat /run/said),"
    echo "\\"disabled\\": $(cat /proc/sys/kernel/modules_disabled),"
    echo "\\"modprobe\\": \\"$(cat /proc/sys/kernel/modprobe)\\"}"
}
echo '[null'
say --seal --esp aes256gcm16
say --seal=autoload --esp aes256gcm16
rm /etc/modprobe.d/six.conf
say --seal --config /etc/bad.conf --daemon libreswan=5.2
mount -o bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
say --seal -4 --esp aes256gcm16
umount /proc/sys
say --seal=autoload -4 --esp aes256gcm16
say --seal --esp aes256gcm16,chacha20poly1305
say --seal --esp aes256gcm16
say --check --esp aes256gcm16
say --esp camellia256-sha1
say --seal --esp camellia256-sha1
modprobe camellia_generic
echo ",$?]"
""",
}


@pytest.fixture(scope="module")
def told(kernel: Kernel) -> list[Any]:
    files = {path: text.encode() for path, text in FILES.items()}
    result = run(kernel, ["/seal"], files=files, timeout=200)
    assert result.status == 0, result.stderr
    answers: list[Any] = json.loads(result.stdout)
    return answers[1:]


@pytest.mark.parametrize(
    ("number", "status", "why"),
    [
        (0, 2, "ESP IPv6 AES_GCM_16_256 is not proven"),
        (1, 2, "ESP IPv6 AES_GCM_16_256 is not proven"),
        (2, 3, "/etc/bad.conf:10 is not understood"),
        (3, 3, "/proc/sys/kernel/modules_disabled: read-only file system"),
    ],
    ids=["blocked", "blocked, autoload", "bad connection", "read-only"],
)
def test_refused(told: list[Any], number: int, status: int, why: str) -> None:
    answer = told[number]
    sealed = answer["report"]["sealed"]
    assert (sealed["done"], sealed["text"].partition(",")[0]) == (False, f"not sealed: {why}")
    assert sealed["remedy"]
    assert (answer["status"], answer["disabled"]) == (status, 0)
    assert answer["modprobe"] == "/sbin/modprobe"


def test_autoload_only(told: list[Any]) -> None:
    answer = told[4]
    assert answer["report"]["sealed"]["text"].startswith("sealed: kernel.modprobe is empty, ")
    assert (answer["status"], answer["disabled"], answer["modprobe"]) == (0, 0, "")
    # root still loads by name
    came = [module for load in told[5]["report"]["loads"] for module in load["loaded"]]
    assert "chacha20poly1305" in came


def test_sealed_for_good(told: list[Any]) -> None:
    sealed, again, check, other, refused, modprobe = told[5:]
    assert (sealed["status"], sealed["disabled"]) == (0, 1)
    assert sealed["report"]["sealed"]["done"]
    assert again["status"] == 0
    assert again["report"]["sealed"]["text"].startswith("sealed already: ")
    assert check["status"] == 0
    # what needs more is told why, whoever asks
    assert (other["status"], refused["status"]) == (2, 2)
    assert {need["verdict"] for need in other["report"]["needs"]} == {"blocked"}
    assert modprobe != 0
