# SPDX-License-Identifier: GPL-3.0-or-later
"""`--root IMAGE --record DIR`: an image that names files outside itself gets nothing written there.

The names are those of a module in modules.dep, and of the program in proc/sys/kernel/modprobe.
"""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from modprobe_ipsec.commands.main import main
from tests.hosts import tree

RELEASE = "6.12.117+deb13-amd64"
MODULE = b"\x7fELF\2\1\1" + bytes(57) + b"\0vermagic=%s\0" + b"~Module signature appended~\n"
ESP4 = "kernel/net/ipv4/esp4.ko.xz"


def snapshot(top: Path) -> dict[str, bytes]:
    """Every file below a directory, and what is in it."""
    return {
        str(path.relative_to(top)): path.read_bytes() if path.is_file() else b""
        for path in top.rglob("*")
    }


def record(root: Path, directory: Path) -> None:
    """Run it, and see that it wrote below the directory and nowhere else."""
    work = directory.parents[2]
    directory.parent.mkdir(parents=True)
    before = snapshot(work)
    assert main(["--root", str(root), "--record", str(directory)]) == 0
    inside = str(directory.relative_to(work))
    after = snapshot(work).items()
    assert {p: d for p, d in after if p != inside and not p.startswith(f"{inside}/")} == before
    for path in directory.rglob("*"):
        assert path.resolve().is_relative_to(directory) and not path.is_symlink()
    for line in (directory / "record.txt").read_text().splitlines():
        assert line.startswith("# left out: ") or (directory / line).is_file()


def test_an_index_that_leads_upwards(tmp_path: Path) -> None:
    root = tree.assemble("booted-6.12", tmp_path / "host")
    index = root / "lib/modules" / RELEASE / "modules.dep"
    name = "../../../../../outside/esp4.ko"
    assert ESP4 in index.read_text()
    index.write_text(index.read_text().replace(ESP4, name))
    (root / "outside").mkdir()
    (root / "outside/esp4.ko").write_bytes(MODULE % b"x\ninstall xfrm_user /bin/false\n")
    (tmp_path / "outside").mkdir()
    record(root, tmp_path / "a/b/made")
    assert "# left out: 1 " in (tmp_path / "a/b/made/record.txt").read_text()


def test_a_name_of_modprobe_that_leads_upwards(tmp_path: Path) -> None:
    root = tree.assemble("booted-6.12", tmp_path / "host")
    (root / "proc/sys/kernel/modprobe").write_text("/../../evil\n")
    (root / "evil").write_bytes(b"")
    (root / "evil").chmod(0o755)
    record(root, tmp_path / "a/b/made")


def test_an_index_that_leads_to_the_question(tmp_path: Path) -> None:
    name = "/question.json/esp4.ko"
    root = tree.assemble("booted-6.12", tmp_path / "host")
    index = root / "lib/modules" / RELEASE / "modules.dep"
    index.write_text(index.read_text().replace(ESP4, name))
    (root / name[1:]).parent.mkdir(exist_ok=True)
    (root / name[1:]).write_bytes(MODULE % b"x")
    record(root, tmp_path / "a/b/made")
    asked = (tmp_path / "a/b/made/question.json").read_bytes()
    assert asked.startswith(b"{")


def test_a_module_says_no_more_than_a_few_words(tmp_path: Path) -> None:
    root = tree.assemble("booted-6.12", tmp_path / "host")
    module = root / "lib/modules" / RELEASE / ESP4
    assert module.exists()
    module.write_bytes(MODULE % (b"x\ninstall xfrm_user /bin/false\n" + b"\x1b[2J" * 1000))
    record(root, tmp_path / "a/b/made")
    written = (tmp_path / "a/b/made" / module.relative_to(root)).read_bytes()
    assert written.startswith(b"\x7fELF") and len(written) < 500
    assert b"x?install xfrm_user" in written and b"\ninstall" not in written
    assert b"\x1b" not in written


PARTS = st.sampled_from(
    ["..", ".", "", "kernel", "lib", "proc", "a b", "esp4.ko", "x" * 256, "\u202e", "a\x1bb", "é"]
)
PATHS = st.lists(PARTS, min_size=1, max_size=9).map("/".join)


@given(st.lists(PATHS, min_size=1, max_size=4), PATHS, st.binary(max_size=80))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_whatever_an_image_names(paths: list[str], modprobe: str, vermagic: bytes) -> None:
    names = ("esp4", "xfrm_user", "esp6", "gcm")
    with tempfile.TemporaryDirectory() as place:
        work = Path(place).resolve()
        root = work / "host"
        modules = root / "lib/modules/6.12.0"
        for path in (modules, root / "proc/sys/kernel"):
            path.mkdir(parents=True)
        (root / "proc/sys/kernel/osrelease").write_text("6.12.0\n")
        (root / "proc/sys/kernel/arch").write_text("x86_64\n")
        (root / "proc/sys/kernel/modprobe").write_text(f"/{modprobe}\n")
        made = [f"{path}/{name}.ko" for path, name in zip(paths, names, strict=False)]
        (modules / "modules.dep").write_text("".join(f"{path}:\n" for path in made))
        for one in (*(f"lib/modules/6.12.0/{path}" for path in made), modprobe):
            plant(root, one, MODULE % vermagic)
        record(root, work / "a/b/made")


def plant(root: Path, path: str, data: bytes) -> None:
    """Put a file where the path leads for somebody whose root this is, if it can be there."""
    here: list[str] = []
    for part in path.split("/"):
        if part == "..":
            here = here[:-1]
        elif part not in ("", "."):
            here.append(part)
    target = root.joinpath(*here)
    if here and all(len(part.encode()) < 256 for part in here) and not target.exists():
        above = target.parent
        if all(not p.exists() or p.is_dir() for p in (above, *above.parents)):
            above.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            target.chmod(0o755)
