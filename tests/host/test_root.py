# SPDX-License-Identifier: GPL-3.0-or-later
"""The only door to files, with a foreign root full of traps behind it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.base.errors import ConfigError, UsageError
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.gather import gather
from modprobe_ipsec.host.root import Host

SECRET = b"outside of the root"


@contextmanager
def nobody() -> Iterator[None]:
    """Without root's right to read everything."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(SECRET)
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/plain").write_text("inside\n")
    return root


def host(root: Path) -> Host:
    return Host(str(root), "6.1")


def why(answer: bytes | Unreadable) -> str:
    assert isinstance(answer, Unreadable), answer
    return answer.why


def test_three_answers(root: Path) -> None:
    here = host(root)
    assert here.read("etc/plain") == b"inside\n"
    assert here.read("etc/none") == Unreadable("etc/none", "no such file", missing=True)
    assert here.read("etc/plain/below") == Unreadable(
        "etc/plain/below", "no such file", missing=True
    )
    (root / "etc/closed").write_text("x")
    (root / "etc/closed").chmod(0)
    (root / "shut").mkdir(mode=0)
    for path in (root, *list(root.parents)[:4]):
        path.chmod(0o755)
    with nobody():
        assert here.read("etc/closed") == Unreadable("etc/closed", "permission denied")
        assert here.exists("etc/closed") is True
        assert here.exists("shut/x") is None
        assert here.list_dir("shut") == Unreadable("shut", "permission denied")
    assert (here.exists("etc/none"), here.exists("etc"), here.exists("")) == (False, True, True)


@pytest.mark.parametrize(
    "target",
    [
        "../../secret",
        "../secret",
        "{outside}",
        "/../../secret",
        "../etc/../../../secret",
        "up/secret",
    ],
)
def test_no_link_leads_out(root: Path, target: str) -> None:
    (root / "etc/up").symlink_to("../../../../..")
    (root / "etc/link").symlink_to(target.format(outside=root.parent / "secret"))
    (root / "abs").symlink_to("/etc/link")
    here = host(root)
    assert why(here.read("etc/link")) == why(here.read("abs")) == "no such file"
    assert why(here.read("../secret")) == "no such file"
    assert why(here.read("etc/../../secret")) == "no such file"
    # what the same path means inside is found
    (root / "secret").write_bytes(b"inside")
    assert here.read("../secret") == here.read("etc/../../secret") == b"inside"


def test_links_are_followed_inside(root: Path) -> None:
    (root / "usr/lib/modules/6.1").mkdir(parents=True)
    (root / "usr/lib/modules/6.1/modules.dep").write_text("x")
    (root / "lib").symlink_to("/usr/lib")
    (root / "a").symlink_to("etc/../lib//./modules/6.1/")
    here = host(root)
    assert here.module_directory == "lib/modules/6.1"
    assert here.read("a/modules.dep") == here.read("lib/modules/6.1/modules.dep") == b"x"
    assert here.list_dir("a") == ["modules.dep"]


def test_loops(root: Path) -> None:
    (root / "self").symlink_to("self")
    (root / "a").symlink_to("b/x")
    (root / "b").symlink_to("a/x")
    for at in range(60):
        (root / f"long{at}").symlink_to(f"long{at + 1}")
    (root / "long60").write_text("end")
    here = host(root)
    for path in ("self", "self/x", "a", "long0"):
        assert why(here.read(path)) == "too many symbolic links"
    assert here.read("long30") == b"end"


def test_what_is_no_file(root: Path) -> None:
    os.mkfifo(root / "fifo")
    (root / "dir").mkdir()
    (root / "null").symlink_to("/dev/null")
    here = host(root)
    assert why(here.read("fifo")) == "not a regular file"
    assert why(here.read("dir")) == why(here.read("")) == "not a regular file"
    assert why(here.read("null")) == "no such file"
    assert why(here.read("etc/plain\0x")) == "no such file"
    assert isinstance(here.list_dir("etc/plain"), Unreadable)
    if os.geteuid() == 0:
        os.mknod(root / "zero", 0o600 | 0o020000, os.makedev(1, 5))
        assert why(here.read("zero")) == "not a regular file"


def test_live_root_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    here = Host("/")
    assert why(here.read(str(tmp_path / "fifo")[1:])) == "not a regular file"
    assert why(here.read("dev/zero")) == "not a regular file"
    assert here.read("dev/null") == b""


def test_sizes(root: Path) -> None:
    with (root / "big").open("wb") as big:
        big.truncate(100 << 20)
    (root / "ten").write_bytes(b"0123456789")
    here = host(root)
    assert why(here.read("big")) == f"larger than {8 << 20} bytes"
    assert here.read("ten", 10) == b"0123456789"
    assert why(here.read("ten", 9)) == "larger than 9 bytes"
    assert here.read("ten", 4, head=True) == b"0123"
    assert here.read("big", 4, head=True) == bytes(4)
    # files of /proc do not tell their size
    assert why(Host("/").read("proc/self/status", 9)) == "larger than 9 bytes"
    text = Host("/").text("proc/self/status")
    assert text and text.startswith("Name:") and text.endswith("\n")


def test_text(root: Path) -> None:
    (root / "etc/latin").write_bytes(b"gr\xfcn")
    gaps: list[Unreadable] = []
    assert host(root).text("etc/latin", gaps) == "gr\ufffdn"
    assert gaps == []
    assert host(root).text("nope", gaps) is None
    assert [gap.path for gap in gaps] == ["nope"]


@given(st.text())
def test_any_path(path: str) -> None:
    here = Host(str(Path(__file__).parent), "6.1")
    here.read(path.encode("utf-8", "replace").decode())
    here.exists(path.encode("utf-8", "replace").decode())


def test_release(root: Path) -> None:
    with pytest.raises(ConfigError, match="no modules"):
        Host(str(root))
    (root / "usr/lib/modules/6.1.0-56-amd64").mkdir(parents=True)
    assert Host(str(root)).release == "6.1.0-56-amd64"
    assert Host(str(root)).module_directory == "usr/lib/modules/6.1.0-56-amd64"
    (root / "usr/lib/modules/6.12.117+deb13-amd64").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"6\.1\.0-56-amd64 6\.12\.117\+deb13-amd64"):
        Host(str(root))
    (root / "proc/sys/kernel").mkdir(parents=True)
    (root / "proc/sys/kernel/osrelease").write_text("6.12.117+deb13-amd64\n")
    here = Host(str(root))
    assert (here.release, here.same_kernel, here.live) == ("6.12.117+deb13-amd64", True, False)
    assert not Host(str(root), "6.1.0-56-amd64").same_kernel
    (root / "proc/sys/kernel/osrelease").write_text("../../../etc\n")
    assert Host(str(root), "6.1.0-56-amd64").same_kernel


def test_live() -> None:
    here = Host()
    assert (here.live, here.release) == (True, os.uname().release)
    assert Host("/usr/..").live
    assert not Host("/", "1.2.3").live


@pytest.mark.parametrize("release", ["", "..", "a/b", "/etc", "6.1\n", "a b"])
def test_release_that_cannot_be(release: str) -> None:
    with pytest.raises(UsageError):
        Host("/", release)


def test_root_that_cannot_be(root: Path) -> None:
    for path in ("/nonexistent", str(root / "etc/plain"), ""):
        with pytest.raises(UsageError, match="no such directory"):
            Host(path)


def test_gather_among_traps(root: Path) -> None:
    """Each file that is asked for is a trap: nothing raises, blocks or leaks."""
    traps = {
        "proc/crypto": "../../secret",
        "proc/modules": "modules",
        "proc/cmdline": "/../secret",
        "proc/cpuinfo": str(root.parent / "secret"),
        "sys/module": "../../..",
        "etc/modprobe.d/a.conf": "../../../secret",
        "boot/config-6.1": "../../../../../etc/shadow",
        "lib/modules/6.1/modules.alias": "/etc/shadow",
    }
    for path, target in traps.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)
    for path in (
        "etc/modprobe.d/b.conf",
        "proc/sys/kernel/modprobe",
        "lib/modules/6.1/modules.dep",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(root / path)
    for path in ("etc/modprobe.d/c.conf", "lib/modules/6.1/modules.builtin"):
        (root / path).mkdir()
    with (root / "etc/modprobe.d/d.conf").open("wb") as big:
        big.truncate(100 << 20)
    facts = gather(host(root))
    assert facts.algorithms is None
    # sys/module leads to the root itself, which is just a directory
    assert facts.rules == ()
    assert facts.config is None
    assert facts.cpu_flags == frozenset()
    assert facts.module_index is not None and len(facts.module_index.files) == 0
    assert not facts.may_load
    reasons = {gap.path: gap.why for gap in facts.unreadable}
    assert reasons["etc/modprobe.d/b.conf"] == "not a regular file"
    assert reasons["etc/modprobe.d/d.conf"].startswith("larger than")
    assert reasons["proc/modules"] == "too many symbolic links"
    assert SECRET.decode() not in repr(facts)
