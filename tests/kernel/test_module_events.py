# SPDX-License-Identifier: GPL-3.0-or-later
"""Module events: which count, and that it opens or says why not."""

import subprocess
import sys

import pytest

from modprobe_ipsec.kernel.module_events import ModuleEvents, added

# As the kernel sends them, seen on 6.1.
ADD = (
    b"add@/module/aesni_intel\0ACTION=add\0DEVPATH=/module/aesni_intel\0"
    b"SUBSYSTEM=module\0SEQNUM=9\0"
)


def test_only_the_appearance_of_a_module_counts() -> None:
    assert added(ADD) == "aesni_intel"
    assert added(ADD.replace(b"add", b"remove")) == ""
    assert added(ADD.replace(b"SUBSYSTEM=module", b"SUBSYSTEM=drivers")) == ""


@pytest.mark.parametrize(
    "event", [b"", b"libudev\0\xfe\xed\xca\xfe", b"add@", ADD[:40], b"\0" * 99]
)
def test_anything_else_is_nothing(event: bytes) -> None:
    assert added(event) == ""


def test_opens_or_says_why_not() -> None:
    with ModuleEvents() as events:
        assert events.added() == ()
        assert events.why_not == "" or "no kernel events" in events.why_not
    assert events.why_not == "ended"
    assert events.added() == ()


def test_without_such_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("modprobe_ipsec.kernel.module_events.socket.socket", refuse)
    with ModuleEvents() as events:
        assert events.why_not.startswith("no kernel events")
        assert events.added() == ()


def test_gathering_imports_nothing_that_costs() -> None:
    code = "import sys, modprobe_ipsec.host.gather; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    costly = {"ctypes", "json", "subprocess", "pathlib", "fnmatch", "dataclasses", "zlib", "socket"}
    assert not loaded & costly
