# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a recorded host together: a base, what a case lays over it and takes away.

A case is a directory: `args` (for the tool), `base` (name of a directory in bases/, or nothing),
`root/` (files laid over it), `links` (symbolic links and where they lead: an absolute one in the
repository would be refused in a source archive), `gone` (paths that are not there, shell patterns),
`expected/`.
"""

import fnmatch
import re
import shutil
from pathlib import Path

from modprobe_ipsec.host.facts import BINARY_INDEXES, ModuleFile
from modprobe_ipsec.host.kernel.module_file import stand_in

HERE = Path(__file__).parent
BASES = HERE / "bases"
CASES = HERE / "cases"
# Of the JSON.
_CHANGING = {"version": '"0"', "time": '"2026-01-01T00:00:00Z"', "duration": "0"}


def names() -> list[str]:
    """All cases."""
    return sorted(path.name for path in CASES.iterdir() if (path / "args").is_file())


def arguments(name: str) -> list[str]:
    """What a case asks the tool, without `--root`."""
    return (CASES / name / "args").read_text().split()


def base(name: str) -> str:
    """The base of a case, or nothing."""
    path = CASES / name / "base"
    return path.read_text().strip() if path.exists() else ""


def assemble(name: str, target: Path) -> Path:
    """The tree of a case, in a new directory."""
    case = CASES / name
    if base(name):
        shutil.copytree(BASES / base(name), target)
        stand_ins(target)
    if (case / "root").is_dir():
        shutil.copytree(case / "root", target, dirs_exist_ok=True, symlinks=True)
    links = (case / "links").read_text().splitlines() if (case / "links").exists() else []
    for path, to in map(str.split, links):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).symlink_to(to)
    gone = (case / "gone").read_text().split() if (case / "gone").exists() else []
    for pattern in gone:
        _remove(target, pattern)
    target.mkdir(exist_ok=True)
    return target


def stand_ins(tree: Path) -> None:
    """libkmod's indexes, and a whole and signed file for each module that modules.dep lists."""
    for index in tree.glob("lib/modules/*/modules.dep"):
        for name in BINARY_INDEXES:
            (index.parent / name).touch()
        body = ModuleFile("", vermagic=f"{index.parent.name} SMP preempt mod_unload", signed=True)
        data = stand_in(body)
        assert data
        for line in index.read_text().splitlines():
            path = index.parent / line.partition(":")[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def _remove(tree: Path, pattern: str) -> None:
    paths = [str(path.relative_to(tree)) for path in tree.rglob("*")]
    found = fnmatch.filter(paths, pattern)
    # what was removed before does not have to be there
    assert found, f"{pattern} takes nothing away"
    for name in sorted(found):
        path = tree / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def plain(text: str, root: Path) -> str:
    """Output without what differs from run to run, or from one release to the next."""
    text = re.sub(re.escape(str(root)), "ROOT", text)
    for key, value in _CHANGING.items():
        text = re.sub(rf'^  "{key}": [^,]+,$', f'  "{key}": {value},', text, flags=re.MULTILINE)
    return text
