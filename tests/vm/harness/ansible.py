# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian 12's Ansible, as an archive that is laid over one of `systems.SYSTEMS`."""

import importlib.util
import os
import py_compile
import tempfile
from pathlib import Path

from tests import debs

from . import cpio
from .cache import built

PACKAGES = (
    *("ansible-core", "python3-jinja2", "python3-markupsafe", "python3-packaging"),
    *("python3-resolvelib", "python3-yaml", "libyaml-0-2"),
)
"""What Ansible needs beside what the systems have already. The first one names the directory."""
UNWANTED = ("/doc/", "/man/", "/locale/", "/ansible_test/", "/ansible/galaxy/")


def ansible() -> Path:
    """The archive with Ansible, compiled: under emulation that takes longer than the play."""
    root = debs.unpacked("bookworm", PACKAGES)

    def build() -> bytes:
        archive = cpio.Archive()
        with tempfile.TemporaryDirectory(prefix="modprobe-ipsec-ansible-") as work:
            for directory, _, names in os.walk(root):
                for name in names:
                    source = Path(directory, name)
                    path = f"/{source.relative_to(root)}"
                    if any(word in path for word in UNWANTED):
                        continue
                    if source.is_symlink():
                        archive.link(path, source.readlink())
                        continue
                    archive.copy(source, path)
                    if path.endswith(".py"):
                        compiled = _compile(source, path, Path(work, "compiled"))
                        archive.copy(compiled, importlib.util.cache_from_source(path))
        return archive.pack()

    return built("ansible.cpio", (Path(__file__), Path(cpio.__file__), root), build)


def _compile(source: Path, path: str, target: Path) -> Path:
    """The bytecode of a module; a guest with another Python than ours does not look at it."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(source), str(target), path, doraise=True, invalidation_mode=mode)
    return target
