# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reads hostile files can do nothing else, and who loads modules reads none."""

import ctypes
import errno
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from modprobe_ipsec.base.errors import Bug, ConfigError, Error
from modprobe_ipsec.commands import apart
from modprobe_ipsec.commands.apart import read_apart
from modprobe_ipsec.commands.main import traceback_of
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.kernel import unprivileged
from tests.shipped import CATALOG


def told(act: Callable[[], object]) -> str:
    """What `act` gives, in the process that reads."""

    def read() -> Demand:
        return Demand((), (str(act()),))

    return read_apart(read, CATALOG).configs[0]


def attempt(act: Callable[[], object]) -> str:
    """The name of the error that the process that reads gets, or nothing."""

    def read() -> str:
        try:
            act()
        except OSError as error:
            return errno.errorcode[error.errno or 0]
        return ""

    return told(read)


def status() -> dict[str, str]:
    text = told(lambda: Path("/proc/self/status").read_text())
    return dict(re.findall(r"^(\w+):\t(.*)$", text, re.MULTILINE))


def test_no_capability_is_left_but_that_to_read() -> None:
    assert int(re.findall(r"CapEff:\t(\w+)", Path("/proc/self/status").read_text())[0], 16) >> 16
    left = status()
    assert {int(left[name], 16) for name in ("CapInh", "CapAmb")} == {0}
    assert {int(left[name], 16) for name in ("CapEff", "CapPrm")} == {1 << 2}
    assert left["NoNewPrivs"] == "1"


def unshare() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000):
        raise OSError(ctypes.get_errno(), "unshare")


def has_landlock() -> bool:
    return bool(ctypes.CDLL(None).syscall(444, None, 0, 1) > 0)


def test_it_makes_no_namespace() -> None:
    assert attempt(unshare) == "EPERM"


def test_it_writes_nowhere_and_starts_nothing(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("")
    expected = "EACCES" if has_landlock() else ""
    for act in (
        lambda: mine.write_text("x"),
        lambda: (tmp_path / "new").write_text("x"),
        mine.unlink,
        lambda: Path("/proc/self/comm").write_text("x"),
        lambda: os.execv("/bin/true", ["true"]),  # noqa: S606
    ):
        assert attempt(act) == expected
        if not expected:
            return  # a kernel without Landlock: the capabilities are all that is given up


def test_it_reads_what_is_not_roots_own(tmp_path: Path) -> None:
    theirs = tmp_path / "secret"
    theirs.write_text("conn a")
    theirs.chmod(0)
    os.chown(theirs, 1, 1)
    assert told(theirs.read_text) == "conn a"


def test_errors_arrive_as_what_they_are() -> None:
    def read() -> Demand:
        raise ConfigError("/etc/x:1: no", "say yes")

    with pytest.raises(ConfigError) as caught:
        read_apart(read, CATALOG)
    assert (caught.value.message, caught.value.hint) == ("/etc/x:1: no", "say yes")


def test_a_bug_is_found_where_it_is() -> None:
    with pytest.raises(Bug, match="ZeroDivisionError") as caught:
        read_apart(lambda: Demand((), (str(1 // 0),)), CATALOG)
    assert "1 // 0" in traceback_of(caught.value)


def test_memory_is_bounded() -> None:
    def read() -> Demand:
        return Demand((), (str(len(bytearray(unprivileged.MEMORY + 1))),))

    with pytest.raises(ConfigError, match="more than 1024 MB of memory"):
        read_apart(read, CATALOG)


def test_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> Demand:
        time.sleep(60)
        return Demand(())

    monkeypatch.setattr(apart, "_LIMIT", 0.3)
    with pytest.raises(ConfigError, match=r"takes more than 0\.3 s to read"):
        read_apart(read, CATALOG)


def test_one_that_dies_or_lies() -> None:
    with pytest.raises(Error, match="died of signal 9"):
        told(lambda: os.kill(os.getpid(), 9))
    with pytest.raises(Bug, match="cannot be handed over"):
        read_apart(lambda: Demand((), (1,)), CATALOG)  # type: ignore[arg-type]
