# SPDX-License-Identifier: GPL-3.0-or-later
"""Registries without a list: each file of a package is one entry, named as its file.

A package that is one keeps this in its `__init__.py`, with what every entry has to offer:

    def names() -> tuple[str, ...]:
        return registry.names(__path__)

Nothing is imported before it is used, and adding an entry is adding a file.
"""

import os

from modprobe_ipsec.base.annotations import Iterable, ModuleType


def names(places: Iterable[str]) -> tuple[str, ...]:
    """The entries of a package, sorted; `places` is its `__path__`.

    `cloud_init.py` is called cloud-init. What begins with an underscore is no entry.
    """
    files = (file for place in places for file in os.listdir(place))  # noqa: PTH208 (start-up time)
    found = {file[:-3] for file in files if file.endswith(".py") and not file.startswith("_")}
    return tuple(sorted(name.replace("_", "-") for name in found))


def load(package: str, name: str) -> ModuleType:
    """The module of an entry; `package` is the `__name__` of the registry."""
    return __import__(f"{package}.{name.replace('-', '_')}", fromlist=("",))


__all__ = ["load", "names"]
