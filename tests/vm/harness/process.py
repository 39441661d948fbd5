# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest is on this machine: a process, and the files through which it is spoken to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

INITRD, CONSOLE, ANSWER = "initrd", "console", "answer"
"""Files in the directory of a guest: what it boots, what its kernel says, what it answers."""


@dataclass(frozen=True, slots=True)
class Process:
    """What to start, and where its output goes."""

    command: Sequence[str]
    cwd: Path
    stdout: Path
    stderr: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables beside this process's own."""
