# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of what is shipped, to which something is added, and runs of it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.hosts.tree import assemble

REPOSITORY = Path(__file__).parent.parent.parent
_SHIPPED = ("modprobe_ipsec", "data", "systemd", "man", "container", "completions", "scripts")


class Copy:
    """The tree in a new directory, and a recorded host to look at."""

    def __init__(self, directory: Path, host: str = "booted-6.12") -> None:
        self.root = directory / "copy"
        self.host = assemble(host, directory / "host")
        for name in _SHIPPED:
            ignore = shutil.ignore_patterns("__pycache__", "_map*.py")
            shutil.copytree(REPOSITORY / name, self.root / name, symlinks=True, ignore=ignore)
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(REPOSITORY / name, self.root)

    def append(self, path: str, text: str) -> None:
        """Rows at the end of a file."""
        with (self.root / path).open("a") as file:
            file.write(text)

    def insert(self, path: str, before: str, text: str) -> None:
        """Rows in front of a line that stands there once."""
        file = self.root / path
        old = file.read_text()
        assert old.count(before) == 1, before
        file.write_text(old.replace(before, f"{text}{before}"))

    def overlay(self, files: dict[str, str]) -> None:
        """Lay files over the host."""
        for path, text in files.items():
            target = self.host / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The copy's own program."""
        command = [sys.executable, "-m", "modprobe_ipsec", *arguments]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=120)

    def check(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`--check` of the host."""
        return self.run("--check", "--root", str(self.host), *arguments)

    def report(self, *arguments: str) -> dict[str, Any]:
        """The same as JSON."""
        done = self.check("--format", "json", *arguments)
        assert done.stderr == ""
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def changed(self) -> set[str]:
        """Files that are not as in the repository."""
        found = set()
        for name in _SHIPPED:
            for path in (self.root / name).rglob("*"):
                place = path.relative_to(self.root)
                if path.is_file() and path.suffix != ".pyc":
                    old = REPOSITORY / place
                    if not old.is_file() or old.read_bytes() != path.read_bytes():
                        found.add(str(place))
        return found
