# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written as root: below a directory of our own, complete, or not at all."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.base.errors import Error, UsageError
from modprobe_ipsec.commands import store as writer
from modprobe_ipsec.commands.store import is_plain, store

NOT_PLAIN = [
    "",
    "/",
    "/etc/passwd",
    "..",
    "../x",
    "a/../b",
    "a/..",
    "a//b",
    "a/",
    "./a",
    "a/.",
    "a\nb",
    "a\x1b[2J",
    "a\0b",
    "\udcff",
    "\u202e",
    "x" * 256,
    "é" * 128,
    "a/" * 32 + "a",
    "/".join(["x" * 200] * 6),
    ".unfinished",
    "a/.unfinished/b",
]


@pytest.mark.parametrize("path", NOT_PLAIN)
def test_no_other_paths(path: str, tmp_path: Path) -> None:
    assert not is_plain(path)
    with pytest.raises(Error) as caught:
        store(str(tmp_path / "new"), {"good": b"", path: b""})
    assert caught.value.message.isprintable()
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.text(st.sampled_from("a./\0\n"), max_size=4), max_size=6).map("/".join))
def test_a_plain_path_resolves_below(path: str) -> None:
    inside = os.path.normpath(f"/top/{path}")
    if is_plain(path):
        assert inside == f"/top/{path}" and inside.startswith("/top/")


def test_files_and_modes(tmp_path: Path) -> None:
    files = {"a/b/c.conf": b"1\n", "a/d": b"", "run.sh": b"#!/bin/sh\n"}
    store(str(tmp_path / "new"), files, {"run.sh"})
    found = {str(p.relative_to(tmp_path / "new")): p for p in (tmp_path / "new").rglob("*")}
    assert {n: p.read_bytes() for n, p in found.items() if p.is_file()} == files
    assert stat.S_IMODE(found["a/d"].stat().st_mode) == 0o644
    assert stat.S_IMODE(found["run.sh"].stat().st_mode) == 0o755
    # an empty one that is ours is as good
    (tmp_path / "empty").mkdir(mode=0o755)
    store(str(tmp_path / "empty"), files)


@pytest.mark.parametrize("kind", ["full", "group", "others", "link", "file", "nobody's", "nowhere"])
def test_a_directory_that_is_not_ours_alone(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    path = place
    match kind:
        case "full":
            (place / "x").touch()
        case "group" | "others":
            place.chmod(0o775 if kind == "group" else 0o757)
        case "link":
            path = tmp_path / "link"
            path.symlink_to(place)
        case "file":
            path = tmp_path / "file"
            path.touch()
        case "nobody's":
            if os.geteuid() != 0:
                # somebody else's directory that is there everywhere
                path = Path("/usr/local/games")
            else:
                os.chown(place, 65534, 65534)
        case "nowhere":
            path = tmp_path / "a/b"
    before = sorted(place.iterdir())
    with pytest.raises(UsageError) as caught:
        store(str(path), {"file": b""})
    assert str(path) in caught.value.message
    assert sorted(place.iterdir()) == before


@pytest.mark.parametrize("new", [True, False])
def test_after_a_failure_nothing_is_left(new: bool, tmp_path: Path) -> None:
    place = tmp_path / "place"
    if not new:
        place.mkdir()
    # a file cannot be a directory as well
    with pytest.raises(UsageError):
        store(str(place), {"a/b": b"1", "c/d/e": b"2", "a/b/c": b"3"})
    assert place.exists() is not new
    assert new or list(place.iterdir()) == []


def test_nor_after_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = writer._write

    def write(top: int, path: str, data: bytes, mode: int) -> None:
        if path == "second":
            # half of a file, and then ^C
            whole(top, "half", data, mode)
            raise KeyboardInterrupt
        whole(top, path, data, mode)

    monkeypatch.setattr(writer, "_write", write)
    with pytest.raises(KeyboardInterrupt):
        store(str(tmp_path / "place"), {"a/first": b"", "second": b""})
    assert list(tmp_path.iterdir()) == []
