# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the bases: what `--record` writes in a guest that has just booted, less what can be made.

    python -m tests.hosts.trim [NAME...]
    python -m tests.hosts.trim --root DIR NAME      an unpacked kernel package, as 6.12-arm64
    python -m tests.hosts.trim ppc64el              a machine of tests/vm/harness/machines.py

Without the stand-ins for modules, which `tree.assemble` makes anew.
"""

import argparse
import base64
import io
import re
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from modprobe_ipsec.commands.main import main
from modprobe_ipsec.host.facts import BINARY_INDEXES
from tests.vm.harness import foreign
from tests.vm.harness.apt import ARCHITECTURE
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import SOURCES, fetch
from tests.vm.harness.machines import GUESTS

# This machine's architecture; the others' guests are `tests.vm.harness.foreign`.
HERE = [name for name, source in SOURCES.items() if source.architecture == ARCHITECTURE]
BASES = Path(__file__).parent / "bases"
_MODULE = re.compile(r".*\.ko(\.(xz|gz|zst))?")
_SAYS_NOTHING = {"record.txt", "needs.yaml", "question.json", *BINARY_INDEXES}
_COMMAND = (
    "exec 2>&1; modprobe-ipsec --record /run/record >/dev/null && cd /run/record && "
    "tar -c . | base64"
)


def booted(name: str, target: Path) -> None:
    """The record of a kernel that has loaded nothing yet."""
    if machine := GUESTS.get(name):
        result = foreign.run(
            fetch(machine.kernel),
            ["sh", "-c", _COMMAND.replace("modprobe-ipsec", "python3 -m modprobe_ipsec")],
            userland_of=machine.userland,
            cpu=machine.cpu,
        )
    else:
        result = run(fetch(name), ["sh", "-c", _COMMAND], timeout=120)
    if result.status:
        sys.exit(f"{name}: {result.stdout}")
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(result.stdout))) as archive:
        archive.extractall(target, filter="data")
    strip(target)


def unpacked(root: str, target: Path) -> None:
    """The record of a kernel that only lies there."""
    main(["--record", str(target), "--root", root])
    strip(target)


def strip(tree: Path) -> None:
    """Take out what says nothing: the list of the files, stand-ins, and what was asked."""
    for path in tree.rglob("*"):
        if path.is_file() and (_MODULE.fullmatch(path.name) or path.name in _SAYS_NOTHING):
            path.unlink()
    for path in sorted(tree.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def make() -> None:
    """Make the bases that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", default=HERE)
    parser.add_argument("--root", metavar="DIR")
    args = parser.parse_args()
    for name in args.names:
        with tempfile.TemporaryDirectory() as directory:
            new = Path(directory, name)
            if args.root:
                unpacked(args.root, new)
            else:
                booted(name, new)
            shutil.rmtree(BASES / name, ignore_errors=True)
            shutil.copytree(new, BASES / name)


if __name__ == "__main__":
    make()
