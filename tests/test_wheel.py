# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed is what is in the repository."""

import subprocess
import sys
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
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(target)]
    subprocess.run([*command, str(REPOSITORY)], check=True)
    (path,) = target.glob("*.whl")
    return zipfile.ZipFile(path)


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
    daemons = ("ipsec", "strongswan", "strongswan-starter")
    drop_ins = {f"{daemon}.service.d/modprobe-ipsec.conf" for daemon in daemons}
    assert set(ours) == {"modprobe-ipsec.service"} | drop_ins


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
