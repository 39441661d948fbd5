# SPDX-License-Identifier: GPL-3.0-or-later
"""A log that is piped in: what is found, on which lines, within bounds; nothing is quoted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.glossary import log
from tests.glossary import BOOK
from tests.hosts import tree

REPOSITORY = Path(__file__).parents[2]


def found(text: str) -> dict[str, tuple[int, ...]]:
    """Names of what is found, with their lines."""
    return {f.entry.term.name: f.lines for f in log.search(text, BOOK).findings}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("netlink response for Add SA esp.1@192.0.2.1: Protocol not supported (errno 93)",
         "EPROTONOSUPPORT"),
        ("[KNL] received netlink error: Function not implemented (38)", "ENOSYS"),
        ("netlink ext_ack: Requested type not found", "Requested type not found"),
        ("RTNETLINK answers: EPERM", "EPERM"),
        ("socket() failed, errno=97", "EAFNOSUPPORT"),
        ("write: errno: 2", "ENOENT"),
        ("XfrmInStateProtoError   \t12", "XfrmInStateProtoError"),
        ("XfrmOutNoStates=3", "XfrmOutNoStates"),
        ("[    9.1] Module esp4 is blacklisted", "is blacklisted"),
        ("Lockdown: modprobe: unsigned module loading is restricted; see man kernel_lockdown.7",
         "unsigned module loading is restricted"),
    ],
)  # fmt: skip
def test_what_logs_hold_is_found(line: str, name: str) -> None:
    assert found(f"first\n{line}\nlast\n")[name] == (2,)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "XfrmInError 0",
        "XfrmInStateProtoError",
        "sshd: Permission denied for somebody",
        "(93) bottles",
        "ERROR: something else",
        "errnoX 93, errno 9999, EVERYTHING",
    ],
)
def test_other_lines_are_left_alone(line: str) -> None:
    assert found(line) == {}


def test_findings_are_in_the_order_of_their_lines_and_counted() -> None:
    text = "x (errno 38)\n" + "y (errno 93)\n" * 3 + "z (errno 38) (errno 38)\n"
    result = log.search(text, BOOK)
    assert [(f.entry.term.name, f.lines, f.times) for f in result.findings] == [
        ("ENOSYS", (1, 5), 3),
        ("EPROTONOSUPPORT", (2, 3, 4), 3),
    ]
    assert (result.lines, result.cut) == (5, False)


def test_the_work_is_bounded() -> None:
    result = log.search("errno 93\n" * (log.MAX_LINES + 5), BOOK)
    assert (result.lines, result.cut) == (log.MAX_LINES, True)
    (finding,) = result.findings
    assert finding.times == log.MAX_LINES and len(finding.lines) <= 1000
    # one line that never ends, made to make the patterns start everywhere
    assert log.search("errno =:" * 200_000 + "Xfrm" * 200_000, BOOK).findings == ()


@given(st.text(max_size=400))
def test_whatever_it_is_it_is_read(text: str) -> None:
    result = log.search(text, BOOK)
    assert result.lines == len(text.removesuffix("\n").split("\n")) if text else not result.lines
    for finding in result.findings:
        assert finding.lines and max(finding.lines) <= result.lines


def piped(text: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "modprobe_ipsec", "--explain", *arguments]
    return subprocess.run(command, input=text, capture_output=True, cwd=REPOSITORY, timeout=60)


SECRET = b"HUSH-0x5ec4e7"
LOG = (
    b"conn " + SECRET + b": netlink response for Add SA esp." + SECRET
    + b"@192.0.2.1: Protocol not supported (errno 93)\n"
    b"netlink ext_ack: Requested type not found " + SECRET + b"\n"
    b"\xff\xfe\0 rubbish \x1b[31m\n"
)  # fmt: skip


def test_nothing_of_a_line_is_ever_quoted() -> None:
    for arguments in ((), ("--format", "json")):
        done = piped(LOG, *arguments)
        assert (done.returncode, done.stderr) == (0, b"")
        assert SECRET not in done.stdout and b"192.0.2" not in done.stdout
        assert b"\x1b" not in done.stdout and b"EPROTONOSUPPORT" in done.stdout


def test_the_remedy_is_this_hosts(tmp_path: Path) -> None:
    root = tree.assemble("install-false", tmp_path / "root")
    done = piped(LOG, "--root", str(root))
    text = done.stdout.decode()
    assert text.startswith("3 lines read\n\nline 1: unable to add SAD entry\n")
    _, _, here = text.partition("\non this host:\n")
    assert "esp4 is blocked by /etc/modprobe.d/" in here and "(lines 1, 2)" in here
    assert "to do: whoever set /etc/modprobe.d/" in " ".join(here.split())
    document = json.loads(piped(LOG, "--root", str(root), "--format", "json").stdout)
    assert (document["lines"], document["cut"]) == (3, False)
    (texts,) = [f for f in document["findings"] if f["chapter"] == "texts"]
    assert texts["lines"] == [2] and texts["here"]


def test_where_all_is_well_that_is_said(tmp_path: Path) -> None:
    # a kernel with everything built in, and the question of a record in place of a configuration
    root = tree.assemble("no-modules", tmp_path / "root")
    arguments = tree.arguments("no-modules")
    (root / "question.json").write_text(json.dumps({"arguments": arguments}))
    text = piped(b"XFRM (errno 93)\n", "--root", str(root)).stdout.decode()
    assert "on this host: nothing is in the way now of what its configuration asks for" in text
    text = piped(b"hello\n", "--root", str(root)).stdout.decode()
    assert text == "1 line read\n\nnothing in it is known here\n"


def test_a_value_that_it_is_about_is_this_hosts(tmp_path: Path) -> None:
    root = tree.assemble("install-false", tmp_path / "root")
    place = root / "proc/sys/net/core/xfrm_acq_expires"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("30\n")
    done = piped(b"netlink response for Add SA: No such process (errno 3)\n", "--root", str(root))
    assert "  net.core.xfrm_acq_expires = 30 here (line 1)\n" in done.stdout.decode()
