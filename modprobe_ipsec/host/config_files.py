# SPDX-License-Identifier: GPL-3.0-or-later
"""The door through which the readers of configurations see one host's files."""

from modprobe_ipsec.base.annotations import Iterator, Mapping
from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.names import glob
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.root import Host

_NOTHING: Mapping[str, str] = {}
# No honest pattern matches more; a directory of a million names is somebody's bad joke.
_MAX_MATCHES = 10_000
# PATH_MAX
_LONGEST = 4096


class ConfigFiles:
    """`needs.reading.Files` on a host: bounded, and never out of its root."""

    def __init__(
        self, host: Host, given: Mapping[str, str] = _NOTHING, directory: str = ""
    ) -> None:
        """`given` are texts that stand in no file; other relative paths are below `directory`."""
        self._host, self._given, self._directory = host, given, directory

    def text(self, path: str) -> str:
        """The file's text. Raises ConfigError that names the file and why it cannot be read."""
        if path in self._given:
            return self._given[path]
        answer = self._host.read(path.lstrip("/"))
        if isinstance(answer, Unreadable):
            raise ConfigError(f"{path}: {answer.why}")
        return answer.decode("utf-8", "surrogateescape")

    def glob(self, pattern: str, budget: Budget) -> list[str]:
        """Files that match, sorted, as glob(3) has them.

        Raises ConfigError if there are too many, or what is there cannot be seen; TooMuch.
        """
        if len(pattern) > _LONGEST:
            raise ConfigError("a pattern is longer than any path")
        if not pattern.startswith("/"):
            pattern = f"{self._directory}/{pattern}"
        found = [""]
        for part in pattern.strip("/").split("/"):
            if not {"*", "?", "["} & set(part):
                found = [f"{directory}/{part}" for directory in found]
                continue
            before, found = found, []
            for directory in before:
                found += self._matches(directory, part, budget)
                # one directory may have many names, and be there under many names itself
                if len(found) > _MAX_MATCHES:
                    raise ConfigError(f"more than {_MAX_MATCHES} files match")
        return sorted(path for path in found if self.exists(path))

    def exists(self, path: str) -> bool:
        """Whether something is there. Raises ConfigError if that cannot be seen."""
        there = self._host.exists(path.lstrip("/"))
        if there is None:
            raise ConfigError(f"{path}: whether it is there cannot be seen", "run it as root")
        return there

    def rights(self, path: str) -> tuple[int, int] | None:
        """Owner and mode; None on another root, for a given text, and for what cannot be seen."""
        if path in self._given or self._host.root != "/":
            return None
        return self._host.rights(path.lstrip("/"))

    def _matches(self, directory: str, pattern: str, budget: Budget) -> Iterator[str]:
        names = self._names(directory)
        budget.spend("file names", 1 + len(names))
        # a text is found at once; a `?` or brackets are looked for at each place of each name
        special = "?" in pattern or "[" in pattern
        each = sum(map(len, names)) if special else len(names)
        budget.spend("steps", each * len(pattern))
        # a dot at the start is only matched by a dot
        dots = pattern.startswith(".")
        for name in names:
            if (dots or not name.startswith(".")) and glob(name, pattern):
                yield f"{directory}/{name}"

    def _names(self, directory: str) -> list[str]:
        names = self._host.list_dir(directory.lstrip("/") or ".")
        if not isinstance(names, Unreadable):
            return names
        if names.missing:
            return []
        raise ConfigError(f"{directory}: {names.why}")
