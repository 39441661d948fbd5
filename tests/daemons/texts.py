# SPDX-License-Identifier: GPL-3.0-or-later
"""The readers' door to files, on a host that is a mapping of paths to texts."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from posixpath import normpath

from modprobe_ipsec.base.errors import ConfigError


class Texts:
    """`demand.reading.Files` in memory. `limit`: how many may match a pattern."""

    def __init__(self, texts: Mapping[str, str], limit: int = 1000) -> None:
        self.texts = texts
        self._limit = limit

    def text(self, path: str) -> str:
        path = normpath(path)
        if path not in self.texts:
            raise ConfigError(f"{path}: no such file")
        return self.texts[path]

    def glob(self, pattern: str) -> list[str]:
        parts = normpath(pattern).split("/")
        found = sorted(
            path
            for path in self.texts
            if path.count("/") == len(parts) - 1 and all(map(fnmatchcase, path.split("/"), parts))
        )
        if len(found) > self._limit:
            raise ConfigError(f"{pattern}: more than {self._limit} files match")
        return found

    def exists(self, path: str) -> bool:
        """Files, and the directories above them."""
        return any(known == path or known.startswith(f"{path}/") for known in self.texts)
