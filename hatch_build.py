# SPDX-License-Identifier: GPL-3.0-or-later
"""Build hook: puts the map, checked and ready, into the wheel.

Reading YAML takes longer than a `--check`. In the repository, and in an editable
install, data/*.yaml is read itself.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_HEADER = "# Made from data/*.yaml when this wheel was built; change those.\n"


class MapHook(BuildHookInterface[Any]):
    """Adds modprobe_ipsec/_map.py, one for each daemon, _glossary.py and _xfrm.py.

    A mistake in the map ends the build.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from modprobe_ipsec.catalog.glossary import check
        from modprobe_ipsec.catalog.loader import (
            DAEMONS,
            FILES,
            GLOSSARY,
            XFRM_NAMES,
            build,
            modules,
            parse_all,
        )
        from modprobe_ipsec.catalog.xfrm_names import read_xfrm_names
        from modprobe_ipsec.host.shipped import daemon_names, glossary_names, read_data

        daemons = [f"{DAEMONS}{name}" for name in daemon_names()]
        glossary = [f"{GLOSSARY}{name}" for name in glossary_names()]
        trees = parse_all(read_data((*FILES, *daemons, XFRM_NAMES)))
        catalog = build(trees)
        read_xfrm_names(trees[XFRM_NAMES])
        words = parse_all(read_data((*glossary,)))
        for name, tree in words.items():
            check(name.removeprefix(GLOSSARY), tree, catalog.vocabularies)
        trees |= words
        self._directory = tempfile.TemporaryDirectory()
        for name, text in modules(trees).items():
            source = Path(self._directory.name, name)
            source.write_text(_HEADER + text)
            build_data["force_include"][str(source)] = f"modprobe_ipsec/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self._directory.cleanup()
