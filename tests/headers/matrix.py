# SPDX-License-Identifier: GPL-3.0-or-later
"""Every pair of `--headers=all` over every tree: what the tool says, and what compiling gives.

    python -m tests.headers.matrix      compare, and write it down in matrix.txt

Takes some minutes, so that tests compare only a part. As root, the tool runs as nobody.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from modprobe_ipsec.commands.main import main
from modprobe_ipsec.headers.survey import PAIRS
from tests.headers.trees import TREES, by_hand, tree, versions

RECORD = Path(__file__).with_name("matrix.txt")
# How a pair goes: in both orders, only with the kernel's or the C library's header first, in none.
WORDS = {(True, True): "both", (True, False): "linux", (False, True): "libc", (False, False): "no"}
Matrix = dict[tuple[str, str], str]

HEAD = """\
# Which orders of two headers compile, by `--headers=all` as an ordinary user and by hand alike,
# with {cc}.
# linux, libc: only with that one first. Written by python -m tests.headers.matrix. Columns:
"""


def said(suite: str, libc: str, which: str = "all") -> Matrix:
    """What the tool says of a tree."""
    document = json.loads(
        as_nobody("--headers=" + which, "--format", "json", "--sysroot", str(tree(suite, libc)))
    )
    assert document["alone"] == []
    return {
        (p["first"], p["second"]): WORDS[p["forward"], p["backward"]] for p in document["pairs"]
    }


def compiled(suite: str, libc: str, which: str = "all") -> Matrix:
    """What compiling by hand gives."""
    root = tree(suite, libc)
    return {
        (first, second): WORDS[
            by_hand(root, libc, first, second), by_hand(root, libc, second, first)
        ]
        for first, second in PAIRS[which]
    }


def as_nobody(*arguments: str) -> str:
    """What the command says to an ordinary user, whoever starts the tests.

    In a fork: an interpreter in root's home is out of reach of nobody's exec.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            with os.fdopen(writer, "w") as sys.stdout:
                status = main(arguments)
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as answers:
        text = answers.read()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in (0, 1, 2)
    return text


def read() -> dict[tuple[str, str], Matrix]:
    """The record, by tree."""
    lines = [line for line in RECORD.read_text().splitlines() if not line.startswith("#")]
    rows = [line.split() for line in lines]
    return {
        place: {(first, second): words[number] for first, second, *words in rows}
        for number, place in enumerate(TREES)
    }


def record() -> None:
    """Compare all of it, and write it down."""
    # what it imports may be out of nobody's reach
    main(["--headers", "--cc", "true"])
    columns = []
    for place in TREES:
        told, seen = said(*place), compiled(*place)
        wrong = {pair for pair in PAIRS["all"] if told.get(pair) != seen[pair]}
        assert not wrong, (place, wrong)
        columns.append(seen)
    compiler = subprocess.run(["gcc", "--version"], capture_output=True, text=True).stdout
    text = HEAD.format(cc=compiler.splitlines()[0])
    for number, (suite, libc) in enumerate(TREES, 1):
        text += f"# {number}. {suite}, {libc}: {versions(suite, libc)}\n"
    for pair in PAIRS["all"]:
        words = " ".join(f"{column[pair]:5}" for column in columns)
        text += f"{pair[0]:18} {pair[1]:20} {words}".rstrip() + "\n"
    RECORD.write_text(text)


if __name__ == "__main__":
    record()
