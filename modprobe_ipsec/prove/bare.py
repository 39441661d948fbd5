# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports one part of a package without the rest of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec


@contextmanager
def bare(package: str) -> Iterator[None]:
    """Let imports of the package's parts do without its `__init__`, which may import them all.

    Afterwards the package counts as not imported: who wants it whole still gets it.
    """
    before = set(sys.modules)
    if package not in before and (spec := find_spec(package)):
        # Made, but never run.
        sys.modules[package] = module_from_spec(spec)
    try:
        yield
    finally:
        if package not in before:
            for name in set(sys.modules) - before:
                if name.partition(".")[0] == package:
                    del sys.modules[name]
