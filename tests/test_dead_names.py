# SPDX-License-Identifier: GPL-3.0-or-later
"""No name without a use, no file that nobody can hold in the head."""

import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent

# Names that vulture takes for dead, and who uses them.
USED = {
    "__call__": "Python: a set of words is called with a text",
    "__iter__": "Python: a set of words is gone through",
    "__len__": "Python",
    "_make": "as in collections.namedtuple, which Value stands for",
    "find_library": "pyudev looks it up",
    "ignore_aliases": "PyYAML calls it",
    "indentless": "an argument that PyYAML gives",
    "nla_map": "pyroute2 reads it",
    "traceback": "an argument that Python gives",
    "yaml_constructors": "PyYAML reads it",
    "yaml_implicit_resolvers": "PyYAML reads it",
}
# vulture is sure of arguments and imports; of names it says 60, and tests do not count as users.
CONFIDENCE = "60"
LINES = 400


def test_every_name_is_used_by_what_is_shipped() -> None:
    command = [sys.executable, "-m", "vulture", "modprobe_ipsec", "scripts"]
    done = subprocess.run(
        [*command, "--min-confidence", CONFIDENCE], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.stderr == ""
    found = {
        (name, line) for line in done.stdout.splitlines() for name in re.findall("'(.*?)'", line)
    }
    assert [line for name, line in sorted(found) if name not in USED] == []
    assert USED.keys() <= {name for name, _ in found}, "no longer needed"


def test_no_file_is_too_long() -> None:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    long = {}
    for name in files.stdout.splitlines():
        path = REPOSITORY / name
        if path.suffix in (".py", ".yaml", ".8") and path.is_file() and "hosts" not in path.parts:
            # a request of mdoc(7) stands on a line of its own, in the midst of a sentence
            lines = len([line for line in path.open() if not line.startswith(".")])
            if lines > LINES:
                long[name] = lines
    assert long == {}
