# SPDX-License-Identifier: GPL-3.0-or-later
"""A container engine of Debian 13, as an archive that is laid over one of `systems.SYSTEMS`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests import debs

from . import cpio
from .cache import built
from .kernels import Kernel

_NEVER_READ = ("/doc/", "/man/", "/locale/")


class Engine(NamedTuple):
    """What makes a container engine."""

    packages: tuple[str, ...]
    """What it needs beside what the systems have already. The first one names the directory."""
    unwanted: tuple[str, ...]
    """Parts of the paths of large files that nothing in a guest reads."""
    configuration: Mapping[str, str]
    modules: tuple[str, ...] = ()
    """Directories of modules that only the engine asks a kernel for."""


def layer(engine: Engine, kernel: Kernel, source: Path) -> Path:
    """The archive with an engine; `source` is the file that says what it is."""
    root = debs.unpacked("trixie", engine.packages)
    unwanted = (*_NEVER_READ, *engine.unwanted)

    def build() -> bytes:
        archive = cpio.Archive()
        for directory, _, names in os.walk(root):
            for name in names:
                file = Path(directory, name)
                path = f"/{file.relative_to(root)}"
                if any(word in path for word in unwanted) or path.endswith(".a"):
                    continue
                if file.is_symlink():
                    archive.link(path, file.readlink())
                else:
                    archive.copy(file, path)
        for place in engine.modules:
            for module in (kernel.modules / place).iterdir():
                archive.copy(module, f"/lib/modules/{kernel.release}/{place}/{module.name}")
        for path, text in engine.configuration.items():
            archive.file(path, text.encode())
        return archive.pack()

    sources = (Path(__file__), source, Path(cpio.__file__), root, kernel.modules / "modules.dep")
    return built(f"{source.stem}-{kernel.root.name}.cpio", sources, build)
