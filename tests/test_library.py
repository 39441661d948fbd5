# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make install` takes from others: by hash, once fetched without network, never as root."""

import hashlib
import importlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from scripts import library

REPOSITORY = Path(__file__).parent.parent
SETUP = """
import os, setuptools

try:
    shadow = open("/etc/shadow").read() and "read"
except OSError as error:
    shadow = error.strerror
os.makedirs("kmodpy", exist_ok=True)
with open("kmodpy/__init__.py", "w") as file:
    file.write(f"ids = {os.getresuid() + os.getresgid()}, {os.getgroups()}\\n")
    file.write(f"shadow = {shadow!r}\\n")
if os.fork() == 0:
    os.closerange(0, 100)
    os.execv("/bin/sleep", ["sleep", "1313"])
setuptools.setup(name="kmodpy", version="VERSION", packages=["kmodpy"])
"""


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fetched = tmp_path_factory.mktemp("fetched")
    assert run("fetch", fetched).returncode == 0
    return fetched


def run(*arguments: str | Path, top: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, top / "scripts/library.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_nothing_is_fetched_but_what_is_locked(fetched: Path) -> None:
    locked = "".join(path.read_text() for path in (REPOSITORY / "locked").glob("*.txt"))
    files = list(fetched.iterdir())
    assert len(files) == len(set(re.findall(r"^(.*)==", locked, re.MULTILINE)))
    for file in files:
        assert hashlib.sha256(file.read_bytes()).hexdigest() in locked, file


def test_once_fetched_no_network_is_needed(fetched: Path, tmp_path: Path) -> None:
    command = ("unshare", "--net", "make", "-s", "install", f"PREFIX={tmp_path}")
    done = subprocess.run(
        [*command, f"FETCHED={fetched}"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said = subprocess.run([tmp_path / "sbin/modprobe-ipsec", "--version"], capture_output=True)
    assert said.returncode == 0


def test_a_file_that_was_changed_is_refused(fetched: Path, tmp_path: Path) -> None:
    changed = tmp_path / "fetched"
    shutil.copytree(fetched, changed)
    (wheel,) = changed.glob("pyudev*")
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    done = run("install", tmp_path / "target", changed)
    assert done.returncode == 1 and "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / "target").exists()


def test_a_wheel_that_is_not_expected_is_not_unpacked(tmp_path: Path) -> None:
    with library.workshop() as shop:
        (shop.wheels / "pyudev-0.24.5-py3-none-any.whl").write_bytes(b"PK")
        with pytest.raises(OSError, match="none of those in locked"):
            shop.install(str(tmp_path / "target"))
    assert not shop.place.exists()


def test_what_has_to_be_built_is_not_built_by_root(fetched: Path, tmp_path: Path) -> None:
    top, changed = tmp_path / "repository", tmp_path / "fetched"
    shutil.copytree(fetched, changed)
    (original,) = changed.glob("kmodpy-*.tar.gz")
    name = original.name.removesuffix(".tar.gz")
    source = tmp_path / name
    source.mkdir()
    (source / "setup.py").write_text(SETUP.replace("VERSION", name.partition("-")[2]))
    before = hashlib.sha256(original.read_bytes()).hexdigest()
    with tarfile.open(original, "w:gz") as archive:
        archive.add(source, name)
    for part in (*library.SOURCES, "locked", "scripts"):
        copy = shutil.copytree if (REPOSITORY / part).is_dir() else shutil.copy
        top.mkdir(exist_ok=True)
        copy(REPOSITORY / part, top / part)
    lock = top / "locked/run.txt"
    after = hashlib.sha256(original.read_bytes()).hexdigest()
    lock.write_text(lock.read_text().replace(before, after))

    done = run("install", tmp_path / "target", changed, top=top)
    assert done.returncode == 0, done.stderr
    sys.path.insert(0, str(tmp_path / "target"))
    try:
        sys.modules.pop("kmodpy", None)
        built = importlib.import_module("kmodpy")
    finally:
        sys.path.pop(0)
        sys.modules.pop("kmodpy", None)
    ids, groups = built.ids
    (user,) = set(ids)
    if os.geteuid() == 0:
        assert user in library.IDS and groups == []
    else:
        assert user == os.geteuid()
    assert built.shadow == "Permission denied"
    owners = [path.stat().st_uid for path in (tmp_path / "target").rglob("*")]
    assert set(owners) == {os.geteuid()}
    # and what it has started has ended with it
    running = subprocess.run(["pgrep", "-f", "sleep 1313"], capture_output=True, text=True)
    assert running.stdout == ""


def test_pips_own_configuration_says_where_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = file:///from/file\nfind-links =\n  /a\n  /b\n"
        "[install]\nrequire-hashes = no\ntarget = /evil\n"
    )
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "file:///from/environment")
    text = library._pip_configuration()
    assert "index-url = file:///from/environment\n" in text and "/from/file" not in text
    assert "/a\n" in text and "/evil" not in text and "require-hashes" not in text
