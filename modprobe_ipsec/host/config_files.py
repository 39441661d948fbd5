# SPDX-License-Identifier: GPL-3.0-or-later
"""The door through which the readers of configurations see one host's files."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.names import glob
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.root import Host

_NOTHING: Mapping[str, str] = {}
# No honest pattern matches more; a directory of a million names is somebody's bad joke.
_MAX_MATCHES = 10_000


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

    def glob(self, pattern: str) -> list[str]:
        """Files that match, sorted, as glob(3) has them.

        Raises ConfigError if there are too many, or what is there cannot be seen.
        """
        if not pattern.startswith("/"):
            pattern = f"{self._directory}/{pattern}"
        found = [""]
        for part in pattern.strip("/").split("/"):
            if not {"*", "?", "["} & set(part):
                found = [f"{directory}/{part}" for directory in found]
                continue
            found = [
                f"{directory}/{name}"
                for directory in found
                for name in self._names(directory)
                if _matches(name, part)
            ]
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

    def _names(self, directory: str) -> list[str]:
        names = self._host.list_dir(directory.lstrip("/") or ".")
        if not isinstance(names, Unreadable):
            return names
        if names.missing:
            return []
        raise ConfigError(f"{directory}: {names.why}")


def _matches(name: str, pattern: str) -> bool:
    # a dot at the start is only matched by a dot
    return (name[:1] != "." or pattern[:1] == ".") and glob(name, pattern)
