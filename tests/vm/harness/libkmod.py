# SPDX-License-Identifier: GPL-3.0-or-later
"""The real libkmod as an oracle: lookups, dependencies, configuration. Loads nothing."""

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_P = ctypes.c_void_p
_STRINGS = (
    "kmod_module_get_name",
    "kmod_module_get_install_commands",
    "kmod_config_iter_get_key",
    "kmod_config_iter_get_value",
)
_POINTERS = (
    "kmod_new",
    "kmod_unref",
    "kmod_list_next",
    "kmod_module_get_module",
    "kmod_module_get_dependencies",
    "kmod_config_get_blacklists",
    "kmod_config_get_install_commands",
)


def _library() -> Any:
    library = ctypes.CDLL("libkmod.so.2")
    for name in _POINTERS:
        getattr(library, name).restype = _P
    for name in _STRINGS:
        getattr(library, name).restype = ctypes.c_char_p
    return library


class Oracle:
    """One context of libkmod for a module directory and some directories of configuration."""

    def __init__(self, library: Any, context: int) -> None:
        self._lib, self._context = library, _P(context)

    def lookup(self, alias: str) -> list[str]:
        """The modules that `modprobe ALIAS` would load."""
        found = _P()
        code = self._lib.kmod_module_new_from_lookup(
            self._context, os.fsencode(alias), ctypes.byref(found)
        )
        if code < 0:
            return []
        return self._names(found)

    def dependencies(self, name: str) -> list[str]:
        with self._module(name) as module:
            return self._names(_P(self._lib.kmod_module_get_dependencies(module)))

    def softdeps(self, name: str) -> tuple[list[str], list[str]]:
        """Modules before and after it, looked up."""
        before, after = _P(), _P()
        with self._module(name) as module:
            self._lib.kmod_module_get_softdeps(module, ctypes.byref(before), ctypes.byref(after))
        return self._names(before), self._names(after)

    def install(self, name: str) -> str | None:
        """The command that modprobe runs instead of loading a module."""
        with self._module(name) as module:
            command = self._lib.kmod_module_get_install_commands(module)
        return None if command is None else os.fsdecode(command)

    def blacklists(self) -> list[str]:
        return [name for name, _ in self._entries("kmod_config_get_blacklists")]

    def installs(self) -> list[tuple[str, str]]:
        return list(self._entries("kmod_config_get_install_commands"))

    @contextmanager
    def _module(self, name: str) -> Iterator[Any]:
        module = _P()
        self._lib.kmod_module_new_from_name(self._context, os.fsencode(name), ctypes.byref(module))
        yield module
        self._lib.kmod_module_unref(module)

    def _names(self, found: Any) -> list[str]:
        names = []
        entry = found.value
        while entry:
            module = _P(self._lib.kmod_module_get_module(_P(entry)))
            names.append(os.fsdecode(self._lib.kmod_module_get_name(module)))
            self._lib.kmod_module_unref(module)
            entry = self._lib.kmod_list_next(found, _P(entry))
        self._lib.kmod_module_unref_list(found)
        return names

    def _entries(self, what: str) -> Iterator[tuple[str, str]]:
        entries = _P(getattr(self._lib, what)(self._context))
        while entries and self._lib.kmod_config_iter_next(entries):
            key = self._lib.kmod_config_iter_get_key(entries)
            value = self._lib.kmod_config_iter_get_value(entries)
            yield os.fsdecode(key), os.fsdecode(value or b"")
        self._lib.kmod_config_iter_free_iter(entries)


@contextmanager
def oracle(tree: Path, directories: Sequence[Path]) -> Iterator[Oracle]:
    """libkmod over a tree (/lib/modules/RELEASE) and directories like modprobe.d."""
    library = _library()
    paths = (ctypes.c_char_p * (len(directories) + 1))(*map(os.fsencode, directories), None)
    context = library.kmod_new(os.fsencode(tree), paths)
    assert context
    library.kmod_set_log_priority(_P(context), 0)
    library.kmod_load_resources(_P(context))
    try:
        yield Oracle(library, context)
    finally:
        library.kmod_unref(_P(context))
