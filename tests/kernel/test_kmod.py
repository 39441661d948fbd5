# SPDX-License-Identifier: GPL-3.0-or-later
"""The real libkmod, which is found without help and loads by name alone."""

import ctypes
import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from modprobe_ipsec.kernel import BLACKLISTED
from modprobe_ipsec.kernel.kmod import Kmod, NoLibkmod

# Tests load nothing on the machine that they run on.
NO_MODULE = "no_such_module_of_modprobe_ipsec"
LOAD = (
    "from modprobe_ipsec.kernel.kmod import Kmod\n"
    f"with Kmod() as kmod: print(kmod.load({NO_MODULE!r}))"
)


def where() -> str:
    """The file of the libkmod that this process uses."""
    with Kmod():
        paths = set(re.findall(r"/\S*/libkmod\.so\S*", Path("/proc/self/maps").read_text()))
    (path,) = map(str, paths)
    return path


def test_what_is_not_there() -> None:
    with Kmod() as kmod:
        assert kmod.load(NO_MODULE) == errno.ENOENT
        # an error is no end
        assert kmod.load(NO_MODULE) == errno.ENOENT


def test_no_errno_is_taken_for_a_blacklist() -> None:
    assert BLACKLISTED not in errno.errorcode


@pytest.mark.parametrize(
    "name", ["", "_", "../esp4", "/esp4.ko", "esp4.ko", "esp4 x=1", "crypto-*", "esp4\n", "é"]
)
def test_names_only(name: str) -> None:
    with Kmod() as kmod, pytest.raises(ValueError):
        kmod.load(name)


def test_no_program_is_run() -> None:
    strace = ("strace", "-f", "-qq", "-e", "trace=execve,execveat", "-e", "signal=none")
    done = subprocess.run(
        (*strace, sys.executable, "-c", LOAD), capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{errno.ENOENT}\n"
    assert done.stderr.count("exec") == 1, done.stderr


def test_libkmod_says_nothing_itself() -> None:
    done = subprocess.run((sys.executable, "-c", LOAD), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_library_that_cannot_be_opened() -> None:
    """As where libkmod is damaged: the real loader decides."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    hide = f'mount --bind /dev/null {where()} && exec {sys.executable} -c "$0"'
    done = subprocess.run(
        ["unshare", "--mount", *user, "sh", "-c", hide, LOAD], capture_output=True, text=True
    )
    assert done.returncode == 1
    said = done.stderr.replace("modprobe_ipsec.kernel.kmod.", "")
    assert "NoLibkmod: libkmod.so.2 is missing" in said


def hide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the loader know no libkmod by its name."""
    real = ctypes.CDLL

    def cdll(name: Any, *args: Any, **kwargs: Any) -> ctypes.CDLL:
        if name == "libkmod.so.2":
            raise OSError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(ctypes, "CDLL", cdll)


def test_kmodpy_finds_what_lies_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(kmod=SimpleNamespace(_name=where()))
    hide(monkeypatch)
    monkeypatch.setitem(sys.modules, "kmodpy._libkmod", found)
    with Kmod() as kmod:
        assert kmod.load(NO_MODULE) == errno.ENOENT


def test_kmodpy_finds_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(kmod=SimpleNamespace(_name="libc.so.6"))
    hide(monkeypatch)
    monkeypatch.setitem(sys.modules, "kmodpy._libkmod", found)
    with pytest.raises(NoLibkmod):
        Kmod()


def test_no_libkmod_and_no_kmodpy(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch)
    monkeypatch.setitem(sys.modules, "kmodpy._libkmod", None)
    with pytest.raises(NoLibkmod):
        Kmod()
