# SPDX-License-Identifier: GPL-3.0-or-later
"""Small systems have only a part of Python: a check does with it, other runs say what they miss.

What is left out here is what OpenWrt's python3-light has not got, its other packages' modules
(openwrt/packages lang/python/python3/files), and what is large in what it has.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts import tree
from tests.shipped import MODULES

REPOSITORY = Path(__file__).parents[2]
OTHER_PACKAGES = (
    *("asyncio", "cgi", "ctypes", "curses", "dbm", "decimal", "distutils", "email", "hashlib"),
    *("lib2to3", "logging", "lzma", "multiprocessing", "pydoc", "readline", "sqlite3", "ssl"),
    *("unittest", "urllib", "uuid", "venv", "xml", "_ctypes", "_lzma", "_hashlib", "_ssl"),
)
LARGE = (
    *("argparse", "collections", "dataclasses", "enum", "functools", "inspect", "ipaddress"),
    *("json", "pathlib", "random", "re", "shutil", "socket", "subprocess", "tempfile", "typing"),
    *("kmodpy", "pyroute2", "pyudev", "yaml"),
)
RUN = """\
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {without!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
sys.path.insert(0, {repository!r})
import modprobe_ipsec
modprobe_ipsec.__path__.append({map!r})
from modprobe_ipsec.commands.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the parsed map lies that only a wheel has."""
    place = tmp_path_factory.mktemp("map")
    for name, text in MODULES.items():
        (place / name).write_text(text)
    return place


def run(made: Path, without: tuple[str, ...], *arguments: str) -> tuple[int, str, str]:
    code = RUN.format(without=frozenset(without), repository=str(REPOSITORY), map=str(made))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, *arguments], capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("openwrt-mips", LARGE),
        ("openwrt-arm64", LARGE),
        # what is in the way, and what daemons ask for, is worth a pattern
        ("install-false", ()),
        ("conf-swanctl", ()),
    ],
)
def test_a_check_needs_python_light(
    name: str, without: tuple[str, ...], made: Path, tmp_path: Path
) -> None:
    root = tree.assemble(name, tmp_path / "root")
    arguments = ("--check", "--root", str(root), *tree.arguments(name))
    whole = run(made, (), *arguments)
    assert whole[0] in (0, 1, 2, 3) and whole[1].startswith("kernel ")
    assert run(made, (*OTHER_PACKAGES, *without), *arguments) == whole


@pytest.mark.parametrize("arguments", [("--check", "--prove"), ("--check", "--prove=packets")])
def test_what_needs_more_says_what(arguments: tuple[str, ...], made: Path) -> None:
    code, _, complaint = run(made, OTHER_PACKAGES, *arguments, "--esp", "aes256gcm16")
    assert code == 3
    assert "Python's module ctypes is missing here" in complaint
    assert "opkg install python3-ctypes" in complaint
    assert "internal error" not in complaint
