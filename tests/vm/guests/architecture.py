# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest of another architecture: all that its suite asks, in one boot.

    architecture.py structures|matrix ...

/cases.json has the cases of the matrix, /commands those of `ip xfrm state`. Prints one JSON object
a line, each with its `part`.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def structures() -> Iterator[dict[str, Any]]:
    """The bytes of this architecture's `ip xfrm`, and ours."""
    script = str(Path(__file__).with_name("structures.py"))
    command = [sys.executable, script, "/commands", "ip"]
    yield json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def matrix() -> Iterator[dict[str, Any]]:
    """Each case with the tool, less each module; then all cases with every accelerator."""
    script = str(Path(__file__).with_name("matrix.py"))
    done = subprocess.run([sys.executable, script, "thorough"], stdout=subprocess.PIPE, check=True)
    yield from map(json.loads, done.stdout.splitlines())


PARTS: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
    "structures": structures,
    "matrix": matrix,
}


def main() -> None:
    """One JSON object a line."""
    for part in sys.argv[1:]:
        for row in PARTS[part]():
            print(json.dumps({"part": part, **row}), flush=True)


if __name__ == "__main__":
    main()
