# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the bases: what `--record` writes in a guest that has just booted, less what can be made.

    python -m tests.hosts.trim [NAME...]
    python -m tests.hosts.trim --root DIR NAME      an unpacked kernel package, as 6.12-arm64

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
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import SOURCES, fetch

BASES = Path(__file__).parent / "bases"
_MODULE = re.compile(r".*\.ko(\.(xz|gz|zst))?")
_COMMAND = (
    "exec 2>&1; modprobe-ipsec --record /run/record >/dev/null && cd /run/record && "
    "tar -c . | base64"
)


def booted(name: str, target: Path) -> None:
    """The record of a kernel that has loaded nothing yet."""
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
    """Take out what says nothing: the list of the files, and stand-ins for modules."""
    (tree / "record.txt").unlink()
    for path in tree.rglob("*"):
        if path.is_file() and _MODULE.fullmatch(path.name):
            path.unlink()
    for path in sorted(tree.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def make() -> None:
    """Make the bases that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", default=list(SOURCES))
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
