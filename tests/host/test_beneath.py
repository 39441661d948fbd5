# SPDX-License-Identifier: GPL-3.0-or-later
"""A foreign directory stays the one that was opened, and nothing in it is opened by mistake."""

import errno
import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from modprobe_ipsec.host.beneath import DIRECTORY, Beneath
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.root import Host

# Seconds that somebody changes the tree under the reader; SWAPS=30 for a long look.
SWAPS = float(os.environ.get("SWAPS", "2"))


def test_another_directory_of_that_name_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/file").write_text("first")
    host = Host(str(tmp_path / "root"), "6.1")
    (tmp_path / "root").rename(tmp_path / "away")
    (tmp_path / "root").symlink_to("/etc")
    assert host.read("file") == b"first"
    assert host.exists("passwd") is False


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "d/link").symlink_to("/d/e/../x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        host = Host(str(tmp_path), "6.1")
        host.read("d/e/none")
        host.read("d/link")
        host.read("d")
        host.list_dir("d/e")
        host.exists("d/e")
    del host
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_path_without_an_end_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("./" * 2000 + "a")
    with pytest.raises(OSError) as caught:
        Beneath(os.open(tmp_path, DIRECTORY)).look("a")
    assert caught.value.errno in (errno.ELOOP, errno.ENAMETOOLONG)


def test_what_is_no_file_system_of_files_is_not_read(tmp_path: Path) -> None:
    """A tree in which /proc and /sys are mounted: the kernel is not asked, not even a directory."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "memory").mkdir()
    code = (
        "import sys; from modprobe_ipsec.host.root import Host; h = Host(sys.argv[1], '6.1')\n"
        "print(h.read('proc/version'), h.list_dir('proc'), h.read('memory/file'), sep='\\n')"
    )
    script = (
        'mount --bind /proc "$1/proc" && mount -t tmpfs none "$1/memory" && '
        'echo text >"$1/memory/file" && exec "$2" -I -c "$3" "$1"'
    )
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    arguments = ["sh", "-c", script, "sh", str(tmp_path), sys.executable, code]
    done = subprocess.run(
        ["unshare", "--mount", *user, *arguments], capture_output=True, text=True, check=True
    )
    version, names, file = done.stdout.splitlines()
    assert "on proc, which is not read here" in version
    assert "on proc, which is not read here" in names
    assert file == repr(b"text\n")


def swapped(place: Path, makers: list[Callable[[Path], object]], done: threading.Event) -> None:
    """Put one thing after the other at a place, each by a rename."""
    new, aside = place.with_name("new"), place.with_name("aside")
    for make in itertools.cycle(makers):
        if done.is_set():
            return
        make(new)
        try:
            new.rename(place)
        except OSError:
            # a directory and a file do not replace each other
            place.rename(aside)
            new.rename(place)
            if aside.is_dir() and not aside.is_symlink():
                shutil.rmtree(aside)
            else:
                aside.unlink()


def test_nothing_that_is_swapped_is_opened_by_mistake(tmp_path: Path) -> None:
    """A file that becomes a FIFO, a link to the outside, a directory, and a file again; and a
    directory, on the way to another file, that becomes each of these.
    """
    root = tmp_path / "root"
    for directory in (root / "d", root / "e", tmp_path / "outside"):
        directory.mkdir(parents=True)
    (tmp_path / "outside/file").write_text("canary")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    above = "/".join([".."] * 20) + str(tmp_path)

    def full(place: Path) -> None:
        place.mkdir()
        (place / "file").write_text("inside")

    traps: list[Callable[[Path], object]] = [
        lambda place: os.link(fifo, place),
        lambda place: place.symlink_to(tmp_path / "outside/file"),
        lambda place: place.symlink_to(tmp_path / "outside"),
        lambda place: place.symlink_to(f"{above}/outside/file"),
        lambda place: place.symlink_to(f"{above}/outside"),
        lambda place: place.symlink_to("/proc/self/cwd"),
    ]
    files: list[Callable[[Path], object]] = [
        lambda place: place.write_text("inside"),
        *traps,
        lambda place: place.mkdir(),
    ]
    directories: list[Callable[[Path], object]] = [
        full,
        *traps,
        lambda place: place.write_text("no directory"),
    ]
    done = threading.Event()
    opened: list[str] = []

    def watch() -> None:
        # a FIFO takes a writer only while a reader has it open
        while not done.is_set():
            try:
                os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
                opened.append("the FIFO")
            except OSError as error:
                assert error.errno == errno.ENXIO

    files[0](root / "d/file")
    full(root / "e/sub")
    threads = [
        threading.Thread(target=watch),
        threading.Thread(target=swapped, args=(root / "d/file", files, done)),
        threading.Thread(target=swapped, args=(root / "e/sub", directories, done)),
    ]
    for thread in threads:
        thread.start()
    host = Host(str(root), "6.1")
    seen: dict[str, set[str]] = {path: set() for path in ("d/file", "e/sub/file", "e/sub", "d")}
    until = time.monotonic() + SWAPS

    def swaps_seen() -> bool:
        return all("inside" in seen[path] and len(seen[path]) > 1 for path in list(seen)[:2])

    # on a busy machine it takes longer until all threads have had their turn
    while time.monotonic() < until or (not swaps_seen() and time.monotonic() < until + 60):
        for path in seen:
            answer = host.read(path)
            seen[path].add(answer.why if isinstance(answer, Unreadable) else answer.decode())
            names = host.list_dir(path)
            seen[path] |= set() if isinstance(names, Unreadable) else {*names}
        assert not any("canary" in said or "root" in said for said in seen.values())
    done.set()
    for thread in threads:
        thread.join()
    assert not opened
    assert swaps_seen(), "nothing was swapped"
