# SPDX-License-Identifier: GPL-3.0-or-later
"""The product as it would be installed: with the map ready made, and beside it what it depends on.

A guest of another architecture has a Python of its own, into which nothing of this machine's fits
but what is Python alone.
"""

import importlib.metadata
import importlib.util
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from modprobe_ipsec.catalog.loader import modules
from tests.shipped import TREES

from . import cpio
from .cache import built
from .image import REPOSITORY

PLACE = "/usr/local/lib/modprobe-ipsec"
DEPENDENCIES = ("kmodpy", "yaml")
"""The rest is for what no guest of another architecture runs."""


def product(name: str, compiled: Callable[[Path], None]) -> Path:
    """The archive with the product at PLACE; `compiled` makes byte code below a directory.

    `name` tells by which Python.
    """
    sources = [
        path
        for top in ("modprobe_ipsec", "data", "hatch_build.py")
        for path in sorted(REPOSITORY.joinpath(top).rglob("*") or [REPOSITORY / top])
        if path.is_file() and path.suffix != ".pyc"
    ]

    def build() -> bytes:
        archive = cpio.Archive()
        with tempfile.TemporaryDirectory() as directory:
            tree = Path(directory)
            _lay_out(tree)
            compiled(tree)
            for path in sorted(tree.rglob("*")):
                if path.is_file():
                    archive.copy(path, f"{PLACE}/{path.relative_to(tree)}")
        return archive.pack()

    return built(f"product-{name}.cpio", (Path(__file__), *sources), build)


def _lay_out(tree: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(REPOSITORY / "modprobe_ipsec", tree / "modprobe_ipsec", ignore=ignored)
    shutil.copytree(REPOSITORY / "data", tree / "modprobe_ipsec/data")
    for name, text in modules(TREES).items():
        if name.startswith("_map"):  # the glossary is not among these trees
            (tree / "modprobe_ipsec" / name).write_text(text)
    for name in DEPENDENCIES:
        spec = importlib.util.find_spec(name)
        assert spec and spec.origin, f"{name} is missing: make check"
        shutil.copytree(Path(spec.origin).parent, tree / name, ignore=ignored)
