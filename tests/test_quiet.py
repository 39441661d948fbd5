# SPDX-License-Identifier: GPL-3.0-or-later
"""`--check` starts nothing, opens no socket and writes nothing: as its system calls show."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts import tree

# What could start a program, make the kernel load a module, or change a file.
LOUD = (
    "execve,execveat,fork,vfork,clone,clone3,socket,socketpair,connect,bind,init_module,"
    "finit_module,delete_module,mount,unshare,setns,ptrace,open,openat,openat2,creat,rename,"
    "renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,ioctl,add_key,request_key"
)
_FOR_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE")
# An ioctl that only asks whether something is a terminal.
_HARMLESS = re.compile(r"ioctl\(\d+, (TCGETS2?|TIOCGWINSZ|FIOCLEX)\b")


def loud(trace: str) -> list[str]:
    """The calls that do something, after Python itself was started."""
    _, *calls = [line for line in trace.splitlines() if not re.search(r"(\+\+\+|---)$", line)]
    return [
        call
        for call in calls
        if not _HARMLESS.search(call)
        and (not re.match(r"(\d+ +)?open", call) or _FOR_WRITING.search(call))
    ]


@pytest.mark.parametrize("name", ["", "install-decides", "install-true", "container", "fips"])
def test_a_check_only_reads(name: str, tmp_path: Path) -> None:
    where = ["--root", str(tree.assemble(name, tmp_path / "root"))] if name else []
    trace = tmp_path / "trace"
    command = (
        *("strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={LOUD}"),
        *(sys.executable, "-I", "-B", "-m", "modprobe_ipsec", "--check", "--all", *where),
    )
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in (0, 1, 2, 3), done.stderr
    assert "execve" in trace.read_text()
    assert loud(trace.read_text()) == []


def test_the_reading_of_a_trace() -> None:
    assert loud(
        '1 execve("/python")\n1 openat(AT_FDCWD, "/x", O_RDONLY)\n1 socket(AF_NETLINK)\n'
        '1 openat(AT_FDCWD, "/x", O_WRONLY|O_CREAT)\n1 ioctl(1, TCGETS, 0x7)\n'
    ) == ["1 socket(AF_NETLINK)", '1 openat(AT_FDCWD, "/x", O_WRONLY|O_CREAT)']
