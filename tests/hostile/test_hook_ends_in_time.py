# SPDX-License-Identifier: GPL-3.0-or-later
"""The hook ends in time, whoever does not listen and whatever hangs, with all it has started."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modprobe_ipsec.commands import oci_hook as hook
from tests.commands.bundle import HOOK, state
from tests.commands.test_oci_hook import run

REPOSITORY = Path(__file__).parents[2]


def test_it_ends_in_time_and_takes_its_children_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    marker = tmp_path / "pid"

    def slow(*_: object) -> None:
        # as libkmod runs an install command of the host's modprobe.d
        script = f"echo $$ >{marker}; exec sleep 100"
        subprocess.run(["/bin/sh", "-c", script], check=False)

    monkeypatch.setattr(hook, "_carry_out", slow)
    reader, writer = os.pipe()
    os.write(writer, json.dumps(state(tmp_path)).encode())
    os.close(writer)
    saved = os.dup(0)
    os.dup2(reader, 0)
    try:
        assert hook.main([], 1.0) == 3
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(reader)
    assert capfd.readouterr().err == "modprobe-ipsec-hook: no answer within 1 s\n"
    pid = int(marker.read_text())
    end = time.monotonic() + 5
    while Path(f"/proc/{pid}/cmdline").exists() and time.monotonic() < end:
        if Path(f"/proc/{pid}/cmdline").read_bytes() == b"":
            break  # a zombie whose parent is not this process
        time.sleep(0.01)
    assert b"sleep" not in (
        Path(f"/proc/{pid}/cmdline").read_bytes() if Path(f"/proc/{pid}").exists() else b""
    )


# As libkmod starts what an install line of modprobe.d says: through system(3).
STARTS = """
import os, sys
import modprobe_ipsec.commands.oci_hook as hook

def carry_out(*_):
    os.system(sys.argv[1])
    raise hook.ConfigError("done")

hook._carry_out = carry_out
sys.exit(hook.main([], 20))
"""


def test_programs_of_install_lines_hear_signals(tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    command = (sys.executable, "-c", STARTS, f"grep SigBlk /proc/self/status >{masks}")
    run(state(tmp_path), command=command)
    # system(3) itself gives back the mask that its caller has
    assert int(masks.read_text().split()[1], 16) == 0


# /dev/log belongs to somebody who does not read, and stderr is a pipe that is full.
DEAF = """
import os, socket, subprocess, sys

for name, minor in (("null", 3), ("urandom", 9)):
    os.mknod(f"/dev/{name}", 0o20666, os.makedev(1, minor))
log = socket.socket(socket.AF_UNIX, getattr(socket, sys.argv[1]))
log.bind("/dev/log")
if log.type == socket.SOCK_STREAM:
    log.listen(0)
full = []
try:
    while True:
        sender = socket.socket(socket.AF_UNIX, log.type | socket.SOCK_NONBLOCK)
        full.append(sender)
        sender.connect("/dev/log")
        while log.type == socket.SOCK_DGRAM:
            sender.send(b"x")
except BlockingIOError:
    pass
reader, writer = os.pipe()
os.set_blocking(writer, False)
try:
    while True:
        os.write(writer, bytes(4096))
except BlockingIOError:
    pass
os.set_blocking(writer, True)
done = subprocess.run(sys.argv[2:], input=b"{}", stderr=writer, timeout=60)
print(done.returncode)
"""


@pytest.mark.parametrize("kind", ["SOCK_DGRAM", "SOCK_STREAM"])
def test_who_does_not_listen_is_not_waited_for(kind: str) -> None:
    script = 'mount -t tmpfs none /dev && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-c", DEAF, kind]
    done = subprocess.run([*command, *HOOK], capture_output=True, text=True, timeout=90)
    assert done.stdout == "78\n", done.stderr


def test_the_log_hears_it(tmp_path: Path) -> None:
    code = """
import os, socket, subprocess, sys
os.mknod("/dev/null", 0o20666, os.makedev(1, 3))
os.mknod("/dev/urandom", 0o20666, os.makedev(1, 9))
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
subprocess.run(sys.argv[1:], input=b"{}", stderr=subprocess.DEVNULL)
print(log.recv(4096).decode())
"""
    script = 'mount -t tmpfs none /dev && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-c", code]
    done = subprocess.run([*command, *HOOK], capture_output=True, text=True, timeout=90)
    assert done.stdout.startswith("<27>modprobe-ipsec-hook: "), done.stderr


def test_whatever_hangs_a_timer_ends_it() -> None:
    """Also what no timeout of ours covers; and it goes on through the second start."""
    code = """
import os, signal, time
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
import modprobe_ipsec.commands.oci_hook as hook
hook.LIMIT = 2
hook._limit_time()
again = "import modprobe_ipsec.commands.oci_hook as h, time; h._limit_time(); time.sleep(60)"
os.execv(__import__("sys").executable, ["python", "-c", again])
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=50, cwd=REPOSITORY)
    assert done.returncode == -signal.SIGALRM
