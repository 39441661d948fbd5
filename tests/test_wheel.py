# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed is what is in the repository."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from modprobe_ipsec.catalog.loader import DAEMONS, GLOSSARY, modules
from tests import glossary
from tests.shipped import CATALOG, TREES

REPOSITORY = Path(__file__).parent.parent
WORDS = {f"{GLOSSARY}{name}": tree for name, tree in glossary.TREES.items()}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `python -m build` puts a source archive, and a wheel that it makes of that archive."""
    target = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(target), str(REPOSITORY)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    (path,) = dist.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.mark.long
def test_the_source_archive_can_be_installed(dist: Path, tmp_path: Path) -> None:
    (archive,) = dist.glob("*.tar.gz")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*command, "--target", str(tmp_path), str(archive)], check=True)
    code = "from modprobe_ipsec.__main__ import run; run()"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, "--version"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("modprobe-ipsec "), done.stderr
    # the tests come along, and whatever links the tree has lead nowhere else
    with tarfile.open(archive) as members:
        names = members.getnames()
        assert any(name.endswith("/tests/test_wheel.py") for name in names)
        assert not [m.name for m in members if m.issym() and m.linkname.startswith("/")]


def test_map_units_and_container_files_come_along(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    for directory, place in (
        ("data", "modprobe_ipsec/data/"),
        ("container", "modprobe_ipsec/container/"),
    ):
        for file in (REPOSITORY / directory).rglob("*.*"):
            path = file.relative_to(REPOSITORY / directory)
            assert any(name.endswith(f"{place}{path}") for name in names), file
    assert any(name.endswith("licenses/LICENSE") for name in names)
    shared = {name.partition(".data/data/share/")[2] for name in names}
    assert {
        "man/man8/modprobe-ipsec.8",
        "bash-completion/completions/modprobe-ipsec",
        "zsh/site-functions/_modprobe-ipsec",
        "fish/vendor_completions.d/modprobe-ipsec.fish",
    } <= shared
    units = ".data/data/lib/systemd/system/"
    ours = (name.partition(units)[2] for name in names if units in name)
    # and nothing that would take rights from a daemon
    assert set(ours) == {"modprobe-ipsec.service", "modprobe-ipsec-watch.service"}


def test_the_parsed_map_is_the_one_in_data(wheel: zipfile.ZipFile) -> None:
    for name, text in modules({**TREES, **WORDS}).items():
        assert wheel.read(f"modprobe_ipsec/{name}").decode().endswith(f"\n{text}")
    assert run(wheel, "_glossary")["TREES"] == glossary.TREES
    for name, tree in TREES.items():
        if name.startswith(DAEMONS):
            assert run(wheel, f"_map_{name.removeprefix(DAEMONS)}")["TREE"] == tree


def test_the_catalog_is_the_one_that_data_gives(wheel: zipfile.ZipFile) -> None:
    made = run(wheel, "_map")["CATALOG"]
    assert plain(made) == plain(CATALOG)
    # what compares by identity is one object each
    for transform in made.transforms.values():
        assert made.transforms[transform.name] is transform
    words = [word for v in made.vocabularies.values() for word in v.words.values()]
    assert words and all(w.transform is made.transforms[w.transform.name] for w in words)


def plain(value: object) -> object:
    """A value as one that is compared part by part, and in whose mappings the order counts."""
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", range(len(value)))
        parts = {field: plain(part) for field, part in zip(fields, value, strict=True)}
        return type(value).__name__, parts
    if isinstance(value, dict):
        return type(value).__name__, [(plain(key), plain(row)) for key, row in value.items()]
    return type(value).__name__, value


def run(wheel: zipfile.ZipFile, name: str) -> dict[str, Any]:
    space: dict[str, Any] = {}
    exec(wheel.read(f"modprobe_ipsec/{name}.py"), space)  # noqa: S102
    return space
