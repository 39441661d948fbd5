# SPDX-License-Identifier: GPL-3.0-or-later
"""The container's first program: it looks, says what is to be done, and becomes the daemon."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .bundle import IMPOSSIBLE

INIT = (sys.executable, "-I", "-m", "modprobe_ipsec.commands.container_init")
ASK = ("--esp", IMPOSSIBLE, "-4")
Done = subprocess.CompletedProcess[str]


def run(*arguments: str) -> Done:
    return subprocess.run([*INIT, *arguments], capture_output=True, text=True, timeout=60)


def test_the_exit_status_is_the_daemons() -> None:
    done = run(*ASK, "--", "sh", "-c", "echo from the daemon; exit 9")
    assert (done.returncode, done.stdout) == (9, "from the daemon\n")
    assert "no kernel has Camellia-CCM" in done.stderr


def test_what_is_to_be_done_stands_on_stderr_and_how_the_host_gets_its_plan() -> None:
    said = run(*ASK, "--", "true").stderr
    assert "missing: no kernel has Camellia-CCM" in said
    (typed,) = re.findall(r"^for the host: in here, (.*) >PLAN; there, ", said, re.MULTILINE)
    assert typed == f"modprobe-ipsec --esp={IMPOSSIBLE} -4 --manifest yaml"
    command = [sys.executable, "-I", "-m", *typed.replace("-", "_", 1).split()]
    plan = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    assert "modprobe-ipsec-host-plan: 2" in plan and "CAMELLIA_CCM_16" in plan


def test_it_takes_few_lines_of_a_log_and_says_a_problem_once(tmp_path: Path) -> None:
    conf = tmp_path / "swanctl.conf"
    bad = "".join(
        f" c{n} {{ children {{ n {{ esp_proposals = wrong{n} }} }} }}\n" for n in range(40)
    )
    odd = "".join(f" o{n} {{ version = {n}9\n children {{ n {{ }} }} }}\n" for n in range(40))
    good = " good { children { n { esp_proposals = camellia256ccm16 } } }\n"
    conf.write_text(f"connections {{\n{bad}{odd}{good}}}\n")
    said = run("--config", str(conf), "--", "true").stderr
    assert said.count("is not recognized") == 1
    assert len(said.splitlines()) <= 20
    assert "no kernel has Camellia-CCM" in said
    whole = run("-v", "--config", str(conf), "--", "true").stderr
    assert whole.count("is not recognized") == 1 and len(whole.splitlines()) > 20


def test_with_require_nothing_starts_that_would_not_work() -> None:
    done = run("--require", *ASK, "--", "sh", "-c", "echo started")
    assert (done.returncode, done.stdout) == (2, "")
    assert "not starting sh: --require, and the check ended with 2" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "usage: "),
        (["pluto"], "usage: "),
        (["--"], "usage: "),
        (["--requir", "--", "true"], "there is no option --requir"),
        (["--", "no-such-daemon"], "no-such-daemon: not found in /usr/local/sbin "),
        (["--", "./true"], "say its absolute path"),
        (["--version", "--", "true"], "usage: "),
        (["--help", "--", "true"], "usage: "),
    ],
)
def test_usage(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert done.returncode == 64 and words in done.stderr and done.stdout == ""


def test_help() -> None:
    done = run("--help")
    assert done.returncode == 0 and "--require" in done.stdout


def test_a_program_that_cannot_be_executed(tmp_path: Path) -> None:
    (tmp_path / "daemon").write_text("#!/bin/sh\n")
    done = run(*ASK, "--", str(tmp_path / "daemon"))
    assert done.returncode == 126 and f"{tmp_path}/daemon: permission denied" in done.stderr


def with_check(body: str, options: str = "") -> Done:
    """Becomes `echo started` after a check that is this instead."""
    code = (
        "import sys, time, modprobe_ipsec.commands.container_init as init\n"
        f"def check(arguments):\n    print('asked', file=sys.stderr)\n    {body}\n"
        "init.LIMIT = 1; init.verbs.run = check\n"
        f"sys.exit(init.main([{options}'--', 'echo', 'started']))"
    )
    command = [sys.executable, "-I", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_check_that_takes_too_long_is_given_up_as_a_whole() -> None:
    done = with_check("time.sleep(10)")
    assert (done.returncode, done.stdout) == (0, "started\n")
    assert done.stderr.startswith("asked\nmodprobe-ipsec-init: the check took more than 1 s\n")


def test_a_check_that_fails_does_not_keep_the_daemon() -> None:
    done = with_check("raise ZeroDivisionError('of ours')")
    assert (done.returncode, done.stdout) == (0, "started\n")
    assert "internal error: ZeroDivisionError: of ours" in done.stderr
    assert "Traceback" not in done.stderr
    # and outside of what answers for the check itself
    done = with_check("return 2\ninit.guarded = 0")
    assert (done.returncode, done.stdout) == (0, "started\n")
    assert "internal error: TypeError: " in done.stderr and "Traceback" not in done.stderr


def test_debug_shows_where_a_bug_of_ours_is() -> None:
    done = with_check("raise ZeroDivisionError('of ours')", "'--debug', '--require', ")
    assert (done.returncode, done.stdout) == (70, "")
    assert "Traceback" in done.stderr and "ZeroDivisionError: of ours" in done.stderr


def test_the_daemon_has_the_process_its_environment_and_no_signal_ignored() -> None:
    # without a fork: around one, a shell blocks all signals for a moment
    signals = 'while read -r a; do case $a in Sig[BI]*) echo "$a";; esac; done </proc/$$/status'
    script = f"echo $$; {signals}; env; ls /proc/$$/fd | wc -l"
    environment = {"PATH": "/nothing", "DAEMON_OPTION": "kept"}
    with subprocess.Popen(
        [*INIT, *ASK, "--", "/bin/sh", "-c", f"PATH=/usr/bin:/bin; {script}"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        said, _ = process.communicate(timeout=60)
    lines = said.splitlines()
    assert int(lines[0]) == process.pid
    blocked, ignored = (int(value, 16) for value in re.findall(r"Sig\w+:\s+(\w+)", said))
    # what whoever started the tests ignores is inherited by all; Python's own two are not
    inherited = re.search(r"SigIgn:\s+(\w+)", Path("/proc/self/status").read_text())
    assert inherited
    pythons = sum(1 << number - 1 for number in (signal.SIGPIPE, signal.SIGXFSZ))
    assert (blocked, ignored & ~int(inherited[1], 16), ignored & pythons) == (0, 0, 0)
    assert "DAEMON_OPTION=kept" in lines
    # the three, and the pipe of the `wc` before it closes
    assert int(lines[-1]) <= 4


def test_signals_reach_the_daemon() -> None:
    script = "trap 'exit 17' TERM; echo ready; while :; do sleep 0.1; done"
    with subprocess.Popen(
        [*INIT, *ASK, "--", "sh", "-c", script],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout and process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.wait(timeout=30) == 17


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a PID namespace of its own")
def test_as_process_1_it_can_be_stopped_while_it_checks() -> None:
    """The first process of a PID namespace gets no signal without a handler for it."""
    slow = (
        "import modprobe_ipsec.commands.container_init as i, time; "
        "i.verbs.run = lambda a: time.sleep(60); "
    )
    code = f"{slow}print('ready', flush=True); i.main(['--', 'true'])"
    with subprocess.Popen(
        ["unshare", "--pid", "--fork", sys.executable, "-I", "-c", code],
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout and process.stdout.readline() == "ready\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        (child,) = children.read_text().split()
        end = time.monotonic() + 20
        while not caught(int(child), signal.SIGTERM) and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(int(child), signal.SIGTERM)
        assert process.wait(timeout=30) == 128 + signal.SIGTERM


def caught(pid: int, number: int) -> bool:
    (mask,) = re.findall(r"SigCgt:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())
    return bool(int(mask, 16) >> (number - 1) & 1)
