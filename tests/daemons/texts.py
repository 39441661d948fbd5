# SPDX-License-Identifier: GPL-3.0-or-later
"""The readers' door to files, on a host that is a mapping of paths to texts."""

from collections.abc import Mapping
from posixpath import normpath
from types import MappingProxyType

from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.names import glob

_LONGEST = 4096


class Texts:
    """`needs.reading.Files` in memory. `limit`: how many may match a pattern; `modes`: owner and
    mode of files that are not root's own and 0600."""

    def __init__(
        self,
        texts: Mapping[str, str],
        limit: int = 1000,
        modes: Mapping[str, tuple[int, int] | None] = MappingProxyType({}),
    ) -> None:
        self.texts, self._modes = texts, modes
        self._limit = limit

    def text(self, path: str) -> str:
        path = normpath(path)
        if path not in self.texts:
            raise ConfigError(f"{path}: no such file")
        return self.texts[path]

    def glob(self, pattern: str, budget: Budget) -> list[str]:
        if len(pattern) > _LONGEST:
            raise ConfigError("a pattern is longer than any path")
        parts = normpath(pattern).split("/")
        budget.spend("steps", len(pattern) * sum(map(len, self.texts)))
        found = sorted(
            path
            for path in self.texts
            if path.count("/") == len(parts) - 1 and all(map(glob, path.split("/"), parts))
        )
        if len(found) > self._limit:
            raise ConfigError(f"{pattern}: more than {self._limit} files match")
        return found

    def exists(self, path: str) -> bool:
        """Files, and the directories above them."""
        return any(known == path or known.startswith(f"{path}/") for known in self.texts)

    def rights(self, path: str) -> tuple[int, int] | None:
        return self._modes.get(path, (0, 0o600))
