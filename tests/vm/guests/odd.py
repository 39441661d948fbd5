# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: the tool on machines that lack something, and against itself. JSON answer.

With the word `slow`: on a machine with this CPU's own code for AES, and without it. With `killed`:
what is left of many runs that are killed outright.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

TOOL = (sys.executable, "-I", "-m", "modprobe_ipsec")
GCM = ("--esp", "aes256gcm16", "--format", "json")
LIBC = ctypes.CDLL(None, use_errno=True)
MOMENTS = 24
KILLS = 100
ESN = ("esn", "noesn")
NEWNS, NEWUSER, NEWNET = 0x20000, 0x10000000, 0x40000000


def run(*arguments: str, before: Callable[[], None] | None = None) -> dict[str, Any]:
    """One run of the tool; `before` is called in the child."""
    done = subprocess.run(
        [*TOOL, *arguments], capture_output=True, text=True, timeout=60, preexec_fn=before
    )
    report = json.loads(done.stdout) if done.stdout.startswith("{") else None
    return {"status": done.returncode, "report": report, "stderr": done.stderr}


def unshare(flags: int) -> None:
    if LIBC.unshare(flags):
        raise OSError(ctypes.get_errno(), "unshare")


def nobody() -> None:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def hide(*paths: str) -> Callable[[], None]:
    """Something else where these were, for this process and its children only."""

    def do() -> None:
        unshare(NEWNS)
        subprocess.run(["/bin/mount", "--make-rprivate", "/"], check=False)
        for path in paths:
            kind = ["-t", "tmpfs", "none"] if Path(path).is_dir() else ["--bind", "/dev/null"]
            subprocess.run(["/bin/mount", *kind, path], check=True)

    return do


def modules() -> list[str]:
    return sorted(line.split()[0] for line in Path("/proc/modules").read_text().splitlines())


def namespaces() -> int:
    """How many network namespaces any process is in."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        # a process may have ended meanwhile
        with suppress(OSError):
            found.add(path.readlink())
    return len(found)


def ours() -> list[str]:
    """Processes of the tool that are still there."""
    lines = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline"))
    return [line.decode() for line in lines if b"modprobe_ipsec" in line]


def libraries(name: str) -> list[str]:
    found = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    return [line.split(" => ")[1] for line in found.splitlines() if name in line]


def before_anything_is_loaded() -> dict[str, Any]:
    answer: dict[str, Any] = {}
    answer["check"] = run("--check", *GCM)
    answer["nobody checks"] = run("--check", *GCM, before=nobody)
    answer["no /proc/modules"] = run("--check", *GCM, before=hide("/proc/modules"))
    answer["no /proc/crypto"] = run("--check", *GCM, before=hide("/proc/crypto"))
    answer["no module directory"] = run("--check", *GCM, before=hide("/lib/modules"))
    answer["no /proc"] = run("--check", *GCM, before=hide("/proc"))
    answer["no /proc, no /sys"] = run("--check", *GCM, before=hide("/sys", "/proc"))
    answer["no /sys"] = run("--check", *GCM, before=hide("/sys"))
    answer["no libkmod"] = run(*GCM, before=hide(*libraries("libkmod.so.2")))
    answer["nobody loads, no autoload"] = run(*GCM, before=nobody)
    answer["container"] = run("--check", *GCM, before=lambda: unshare(NEWUSER | NEWNET))
    answer["modules after looking"] = modules()
    return answer


def together() -> dict[str, Any]:
    """Five at once, all from nothing."""
    runs = [
        subprocess.Popen([*TOOL, *GCM], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(5)
    ]
    outputs = [process.communicate(timeout=120) for process in runs]
    return {
        "statuses": [process.returncode for process in runs],
        "stderr": [error.decode() for _, error in outputs],
    }


def killed(took: float) -> dict[str, Any]:
    """SIGKILL, SIGTERM and Ctrl-C leave no namespace and no process, at any moment of a run."""
    before = namespaces()
    said = ""
    for number in range(MOMENTS):
        process = subprocess.Popen(
            [*TOOL, *GCM], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        time.sleep(took * number / MOMENTS)
        process.send_signal((signal.SIGKILL, signal.SIGTERM, signal.SIGINT)[number % 3])
        said += process.communicate(timeout=30)[1]
    time.sleep(1)
    state = subprocess.run(["/sbin/ip", "xfrm", "state"], capture_output=True, text=True)
    return {
        "namespaces": (before, namespaces()),
        "processes": ours(),
        "states": state.stdout,
        "said": said,
        "then": run(*GCM),
    }


def uses() -> dict[str, int]:
    """How often each module is used: by SAs, by namespaces, by other modules."""
    rows = (line.split() for line in Path("/proc/modules").read_text().splitlines())
    return {row[0]: int(row[2]) for row in rows}


def killed_outright() -> dict[str, Any]:
    """SIGKILL, at any moment of a run that makes some SAs, one after the other."""
    some = [f"aes{key}gcm{icv}-{e}" for key in (128, 192, 256) for icv in (8, 12, 16) for e in ESN]
    asked = ("--esp", ",".join(some), "--daemon", "strongswan", "--format", "json")
    Path("/proc/sys/kernel/modprobe").write_text("/bin/false")
    first = run(*asked)
    started = time.monotonic()
    run(*asked)
    took = time.monotonic() - started
    before, spaces = uses(), namespaces()
    moments: list[dict[str, Any]] = []
    for _ in range(3 * KILLS):
        if len(moments) == KILLS:
            break
        process = subprocess.Popen(
            [*TOOL, *asked], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        number = len(moments)
        if number % 2:
            # while it proves, which takes no long part of a run
            while namespaces() == spaces and process.poll() is None:
                pass
            time.sleep(number / KILLS * 0.02)
        else:
            time.sleep(took * number / KILLS)
        # what there was at about that moment
        moment = {"namespace": namespaces() > spaces, "SA": uses() != before}
        process.kill()
        if process.wait() == -signal.SIGKILL:
            moments.append(moment)
        else:
            # it was faster than the last one: too late
            took *= 0.95
    end = time.monotonic() + 20
    # the kernel takes a namespace down when it comes to it
    while (uses() != before or ours() or namespaces() != spaces) and time.monotonic() < end:
        time.sleep(0.1)
    states = subprocess.run(["/sbin/ip", "xfrm", "state"], capture_output=True, text=True)
    return {
        "first": first,
        "moments": moments,
        "uses": (before, uses()),
        "namespaces": (spaces, namespaces()),
        "processes": ours(),
        "states": states.stdout,
        "then": run(*asked),
    }


def main() -> None:
    what = {"slow": slow, "killed": killed_outright}
    json.dump(what.get(sys.argv[-1], odd)(), sys.stdout)


def odd() -> dict[str, Any]:
    autoload = Path("/proc/sys/kernel/modprobe")
    usual = autoload.read_text()
    autoload.write_text("/bin/false")
    answer = before_anything_is_loaded()
    answer["together"] = together()
    started = time.monotonic()
    answer["again"] = run(*GCM)
    took = time.monotonic() - started
    answer["nobody, all loaded"] = run(*GCM, before=nobody)
    answer["killed"] = killed(took)
    autoload.write_text(usual)
    answer["kernel loads by itself"] = run("--check", "--prove", "--ah", "sha512", *GCM[2:])
    return answer


def slow() -> dict[str, Any]:
    """Without the CPU's own code it works, and the tool says what it costs."""
    run(*GCM)
    Path("/proc/sys/kernel/modprobe").write_text("/bin/false")
    subprocess.run(["/sbin/modprobe", "-r", "aesni_intel"], check=False)
    # some are built in, others have gone: whatever this kernel has for it in software
    for name in ("aes_generic", "ctr", "ghash_generic", "gcm"):
        subprocess.run(["/sbin/modprobe", "-q", name], check=False)
    return {
        "check": run("--check", "--prove", *GCM),
        "load": run(*GCM),
    }


if __name__ == "__main__":
    main()
