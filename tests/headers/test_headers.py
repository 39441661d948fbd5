# SPDX-License-Identifier: GPL-3.0-or-later
"""What --headers says is what compiling by hand says, on Debian's own header trees."""

import atexit
import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from modprobe_ipsec.commands.main import main
from modprobe_ipsec.headers.survey import HEADERS
from tests.debs import unpacked

SUITES = ("bullseye", "bookworm", "trixie", "sid")
TREES = [(suite, libc) for suite in SUITES for libc in ("glibc", "musl")]


@cache
def tree(suite: str, libc: str) -> Path:
    """A tree of headers that everybody may read, root's cache being nobody's business."""
    packages = (
        ["linux-libc-dev", "libc6-dev"] if libc == "glibc" else ["musl-dev", "linux-libc-dev"]
    )
    source = unpacked(suite, packages) / "usr/include"
    root = Path(tempfile.mkdtemp(prefix="modprobe-ipsec-headers-"))
    atexit.register(shutil.rmtree, root)
    root.chmod(0o755)
    shutil.copytree(source, root / "usr/include", ignore=_others)
    return root


def _others(directory: str, names: list[str]) -> list[str]:
    """What is of other machines, and large."""
    kept = ("x86_64-linux-gnu", "x86_64-linux-musl")
    return [n for n in names if ("-linux-" in n and n not in kept) or n in ("drm", "sound", "rdma")]


def by_hand(root: Path, libc: str, *headers: str) -> bool:
    """gcc over a file, with the places of this tree written out."""
    include = root / "usr/include"
    places = [include, include / "x86_64-linux-gnu"]
    if libc == "musl":
        places.insert(0, include / "x86_64-linux-musl")
    own = subprocess.run(["gcc", "-print-file-name=include"], capture_output=True, text=True)
    flags = [f"-I{place}" for place in (*places, own.stdout.strip())]
    source = "".join(f"#include <{header}>\n" for header in headers) + "int x;\n"
    command = ["gcc", "-nostdinc", *flags, "-w", "-S", "-o", "/dev/null", "-x", "c", "-"]
    return not subprocess.run(command, input=source.encode(), capture_output=True).returncode


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["--headers", "--format", "json", *arguments])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, document


@pytest.mark.parametrize(("suite", "libc"), TREES)
def test_pairs_are_those_of_compiling_by_hand(
    suite: str, libc: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree(suite, libc)
    code, said = asked(capsys, "--sysroot", str(root))
    assert said["alone"] == []
    told = {}
    for pair in said["pairs"]:
        told[pair["first"], pair["second"]] = pair["forward"]
        told[pair["second"], pair["first"]] = pair["backward"]
    assert told == {pair: by_hand(root, libc, *pair) for pair in permutations(HEADERS, 2)}
    # in some order linux/xfrm.h goes with all of them, everywhere
    assert code == 1
    first = told["linux/xfrm.h", "netinet/in.h"]
    assert (first, told["netinet/in.h", "linux/xfrm.h"]) == (libc == "glibc", True)
    # struct udphdr stands in both
    assert not told["netinet/udp.h", "linux/udp.h"] and not told["linux/udp.h", "netinet/udp.h"]


# Against 7.3: what came with 7.2; with 6.14; and with 6.2 to 6.13, which trixie's 6.12.y has.
MIGRATE = {"XFRM_MSG_MIGRATE_STATE", "XFRM_MIGRATE_STATE_CLEAR_OFFLOAD"}
MIGRATE |= {"XFRM_MIGRATE_STATE_UPDATE_H2H_SEL", "XFRM_MIGRATE_STATE_KNOWN_FLAGS"}
IPTFS = {"XFRM_MODE_IPTFS", "XFRMA_IPTFS_DROP_TIME", "XFRMA_IPTFS_REORDER_WINDOW"}
IPTFS |= {"XFRMA_IPTFS_DONT_FRAG", "XFRMA_IPTFS_INIT_DELAY"}
IPTFS |= {"XFRMA_IPTFS_MAX_QSIZE", "XFRMA_IPTFS_PKT_SIZE"}
BEFORE = {"XFRMA_SA_DIR", "XFRM_SA_DIR_IN", "XFRM_SA_DIR_OUT", "XFRMA_NAT_KEEPALIVE_INTERVAL"}
BEFORE |= {"XFRMA_SA_PCPU", "XFRM_POLICY_CPU_ACQUIRE"}


@pytest.mark.parametrize(
    ("suite", "lacking"),
    [
        ("bullseye", MIGRATE | IPTFS | BEFORE | {"XFRM_OFFLOAD_PACKET"}),
        ("bookworm", MIGRATE | IPTFS | BEFORE),
        ("trixie", MIGRATE | IPTFS),
    ],
)
def test_names_that_a_header_lacks(
    suite: str, lacking: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, said = asked(capsys, "--sysroot", str(tree(suite, "glibc")))
    # whether a stable series got it later is Debian's business
    assert set(said["lacking"]) ^ lacking <= {"XFRM_OFFLOAD_PACKET"}


def test_the_newest_header_lacks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    _, said = asked(capsys, "--sysroot", str(tree("sid", "glibc")))
    assert said["lacking"] == [] and said["newer"]
    _, said = asked(capsys, "--sysroot", str(tree("bullseye", "glibc")))
    assert not said["newer"]


def test_text_names_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--headers", "--sysroot", str(tree("bullseye", "musl"))]) == 1
    text = capsys.readouterr().out
    assert "  netinet/in.h has to come before linux/xfrm.h\n" in text
    assert "  netinet/udp.h and linux/udp.h do not go together in any order\n" in text
    assert "  XFRMA_SA_DIR (kernel 6.10)\n" in text
    assert "has no __counted_by" in text


def test_without_the_header_it_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(tempfile.mkdtemp(prefix="modprobe-ipsec-headers-"))
    atexit.register(shutil.rmtree, root)
    root.chmod(0o755)
    (root / "usr/include").mkdir(parents=True)
    code, said = asked(capsys, "--sysroot", str(root))
    assert code == 2 and set(said["alone"]) == set(HEADERS) and said["pairs"] == []


def test_what_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--headers", "--cc", "no-such-cc"]) == 64
    assert "no-such-cc: there is no such compiler" in capsys.readouterr().err
    assert main(["--headers", "--sysroot", str(tmp_path)]) == 64
    assert "usr/include: no such file" in capsys.readouterr().err


def test_root_compiles_as_nobody_and_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    place = Path(tempfile.mkdtemp(prefix="modprobe-ipsec-headers-"))
    atexit.register(shutil.rmtree, place)
    place.chmod(0o777)
    compiler = place / "cc"
    compiler.write_text(f'#!/bin/sh\nid -u >>{place}/who\nexec gcc "$@"\n')
    compiler.chmod(0o755)
    asked(capsys, "--cc", str(compiler))
    users = set((place / "who").read_text().split())
    assert users == ({"65534"} if os.geteuid() == 0 else {str(os.geteuid())})
    assert {path.name for path in place.iterdir()} == {"cc", "who"}


def test_what_nobody_may_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "usr/include").mkdir(parents=True)
    tmp_path.chmod(0o700)
    if os.geteuid() == 0:
        assert main(["--headers", "--sysroot", str(tmp_path)]) == 64
        assert "is not open to nobody, as whom the compiler runs" in capsys.readouterr().err
    else:
        # who is no root compiles as himself
        assert main(["--headers", "--sysroot", str(tmp_path)]) == 2
