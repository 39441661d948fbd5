# SPDX-License-Identifier: GPL-3.0-or-later
"""Module events: it opens, or says why not."""

import subprocess
import sys

import pytest

from modprobe_ipsec.host.udev import ModuleEvents


def test_opens_or_says_why_not() -> None:
    with ModuleEvents() as events:
        assert events.added() == ()
        assert events.why_not == "" or "no kernel events" in events.why_not
    assert events.why_not == "ended"
    assert events.added() == ()


def test_without_pyudev(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyudev", None)
    with ModuleEvents() as events:
        assert events.why_not.startswith("no kernel events")
        assert events.added() == ()


def test_gathering_imports_nothing_that_costs() -> None:
    code = "import sys, modprobe_ipsec.host.gather; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    costly = {"pyudev", "ctypes", "json", "subprocess", "pathlib", "fnmatch", "dataclasses", "zlib"}
    assert not loaded & costly
