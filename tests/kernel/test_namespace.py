# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs are made where nobody else is: in a namespace of their own, or one that is private."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from modprobe_ipsec.kernel import child, namespace


def moves(*steps: Callable[[], None]) -> list[bool]:
    """Whether each step leads into another network namespace, in a process of its own."""
    heard: list[child.Message] = []

    def work(send: child.Send) -> None:
        for step in steps:
            before = Path("/proc/self/ns/net").readlink()
            step()
            send([Path("/proc/self/ns/net").readlink() != before])

    assert child.run(work, heard.append, 30) == child.Ending()
    return [moved for (moved,) in heard]


def loopback_up() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def another_up() -> None:
    subprocess.run(["ip", "tuntap", "add", "t0", "mode", "tun"], check=True)
    subprocess.run(["ip", "link", "set", "t0", "up"], check=True)


def test_one_is_made() -> None:
    assert moves(namespace.enter, namespace.enter) == [True, True]


def test_a_private_one_will_do() -> None:
    assert moves(namespace.enter, namespace.stay, loopback_up, namespace.stay) == [
        True, False, False, False,
    ]  # fmt: skip


def test_one_that_is_not_private_will_not_do() -> None:
    assert moves(namespace.enter, another_up, namespace.stay) == [True, False, True]
