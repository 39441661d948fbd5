# SPDX-License-Identifier: GPL-3.0-or-later
"""What --headers says is what compiling by hand says, on Debian's own header trees."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from modprobe_ipsec.commands import engine
from modprobe_ipsec.commands.main import main
from modprobe_ipsec.commands.verbs import headers as verb
from modprobe_ipsec.glossary.book import Book
from modprobe_ipsec.headers import running
from modprobe_ipsec.headers.compiler import Compiler
from modprobe_ipsec.headers.survey import HEADERS, PAIRS, Survey, lacking, newer
from tests.headers import matrix
from tests.headers.trees import LIBCS, SUITES, TREES, by_hand, temporary, tree


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["--headers", "--format", "json", *arguments])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, document


@pytest.mark.parametrize(
    ("suite", "libc"),
    [("bullseye", "glibc"), ("bookworm", "musl"), ("trixie", "glibc"), ("sid", "musl")],
)
def test_pairs_are_those_of_compiling_by_hand(
    suite: str, libc: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As an ordinary user."""
    # what it imports may be out of nobody's reach
    asked(capsys, "--cc", "false")
    told = matrix.said(suite, libc, "xfrm")
    assert told == matrix.compiled(suite, libc, "xfrm")
    assert told["linux/xfrm.h", "netinet/in.h"] == ("both" if libc == "glibc" else "libc")
    # struct udphdr stands in both
    assert told["netinet/udp.h", "linux/udp.h"] == "no"


def test_every_pair_was_compared_once() -> None:
    record = matrix.read()
    assert list(record) == TREES and len(PAIRS["all"]) == 216
    for place, words in record.items():
        assert tuple(words) == PAIRS["all"], place
        assert set(words.values()) <= set(matrix.WORDS.values()), place
    for suite in SUITES:
        glibc, musl = (record[suite, libc]["linux/xfrm.h", "netinet/in.h"] for libc in LIBCS)
        assert (glibc, musl) == ("both", "libc")


# Against 7.3: what came with 7.2; with 6.14; and with 6.2 to 6.13, which trixie's 6.12.y has.
MIGRATE = {"XFRM_MSG_MIGRATE_STATE", "XFRM_MIGRATE_STATE_CLEAR_OFFLOAD"}
MIGRATE |= {"XFRM_MIGRATE_STATE_UPDATE_H2H_SEL", "XFRM_MIGRATE_STATE_KNOWN_FLAGS"}
IPTFS = {"XFRM_MODE_IPTFS", "XFRMA_IPTFS_DROP_TIME", "XFRMA_IPTFS_REORDER_WINDOW"}
IPTFS |= {"XFRMA_IPTFS_DONT_FRAG", "XFRMA_IPTFS_INIT_DELAY"}
IPTFS |= {"XFRMA_IPTFS_MAX_QSIZE", "XFRMA_IPTFS_PKT_SIZE"}
BEFORE = {"XFRMA_SA_DIR", "XFRM_SA_DIR_IN", "XFRM_SA_DIR_OUT", "XFRMA_NAT_KEEPALIVE_INTERVAL"}
BEFORE |= {"XFRMA_SA_PCPU", "XFRM_POLICY_CPU_ACQUIRE"}


@pytest.mark.parametrize(
    ("suite", "expected"),
    [
        ("bullseye", MIGRATE | IPTFS | BEFORE | {"XFRM_OFFLOAD_PACKET"}),
        ("bookworm", MIGRATE | IPTFS | BEFORE),
        ("trixie", MIGRATE | IPTFS),
    ],
)
def test_names_that_a_header_lacks(suite: str, expected: set[str]) -> None:
    # whether a stable series got it later is Debian's business
    assert lacks(suite) ^ expected <= {"XFRM_OFFLOAD_PACKET"}


def test_the_newest_header_lacks_nothing() -> None:
    assert lacks("sid") == set()


def lacks(suite: str) -> set[str]:
    book = Book(engine.glossary_trees(), engine.catalog())
    return set(lacking(Compiler("", str(tree(suite, "glibc"))), dict(verb.names(book))))


@pytest.mark.parametrize(("suite", "libc"), TREES)
def test_a_copy_of_the_newest_header(suite: str, libc: str) -> None:
    root, over = tree(suite, libc), temporary()
    (over / "linux").mkdir()
    newest = tree("sid", "glibc") / "usr/include/linux/xfrm.h"
    (over / "linux/xfrm.h").write_bytes(newest.read_bytes())
    compiles = by_hand(root, libc, "netinet/in.h", "linux/xfrm.h", over=over)
    assert newer(Compiler("", str(root))) is compiles
    assert compiles or suite in ("bullseye", "bookworm")


def test_text_names_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--headers", "--sysroot", str(tree("bullseye", "musl"))]) == 1
    text = capsys.readouterr().out
    assert "  netinet/in.h has to come before linux/xfrm.h\n" in text
    assert "  netinet/udp.h and linux/udp.h do not go together in any order\n" in text
    assert "  XFRMA_SA_DIR (kernel 6.10)\n" in text
    assert "\nlinux/xfrm.h lacks, " in text
    assert "has no __counted_by" in text


def test_what_the_kernel_has_is_told_from_what_it_has_not() -> None:
    compiler = Compiler("", "")
    known = running.Known({"XFRMA_SA_DIR": True, "XFRM_MODE_IPTFS": False})
    names = (*known.names, "XFRMA_IF_ID")
    found = Survey(alone=(), pairs=(), lacking=names, newer=True)
    text = verb.text(found, known, compiler, {**dict.fromkeys(names, ""), "XFRMA_IF_ID": "4.19"})
    assert text.partition("\n\n")[2] == (
        "linux/xfrm.h lacks, and the running kernel has:\n  XFRMA_SA_DIR\n\n"
        "linux/xfrm.h lacks, and so does the running kernel:\n  XFRM_MODE_IPTFS\n\n"
        "linux/xfrm.h lacks, and the running kernel cannot be asked for:\n"
        "  XFRMA_IF_ID (kernel 4.19)\n"
    )
    text = verb.text(found, running.Known({}, "it sleeps"), compiler, dict.fromkeys(names, ""))
    assert "lacks, and the running kernel was not asked for (it sleeps):\n" in text
    # what both lack is no loss
    assert verb.status(found._replace(lacking=("XFRM_MODE_IPTFS",)), known) == 0
    assert verb.status(found, known) == 1


def test_without_the_header_it_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    root = temporary()
    (root / "usr/include").mkdir(parents=True)
    code, said = asked(capsys, "--sysroot", str(root))
    assert code == 2 and set(said["alone"]) == set(HEADERS) and said["pairs"] == []


def test_what_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--headers", "--cc", "no-such-cc"]) == 64
    assert "no-such-cc: there is no such compiler" in capsys.readouterr().err
    assert main(["--headers", "--sysroot", str(tmp_path)]) == 64
    assert "usr/include: no such file" in capsys.readouterr().err


def test_root_compiles_as_nobody_and_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    place = temporary()
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
