# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: --lab as root and as nobody, twice at once, killed, and where all is spoilt.

JSON answer. With a number as argument, that many runs are killed and nothing else is done.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from modprobe_ipsec.kernel import child
from modprobe_ipsec.lab.pair import Pair
from modprobe_ipsec.lab.states import Policy, XfrmSocket
from modprobe_ipsec.lab.workbench import Workbench, gcm
from modprobe_ipsec.probes import _run, names

TOOL = (sys.executable, "-I", "-m", "modprobe_ipsec")
NOBODY = 65534
GCM = ("aead", "rfc4106(gcm(aes))", f"0x{20 * '01'}", "128")
ENDS = ("src", "192.0.2.1", "dst", "192.0.2.2")


def tool(*arguments: str, user: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        (*TOOL, *arguments), capture_output=True, text=True, user=user, group=user, extra_groups=()
    )
    report = json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout
    return {"status": done.returncode, "stderr": done.stderr, "report": report}


def said(*arguments: str) -> str:
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout


def modules() -> list[str]:
    return [line.split()[0] for line in Path("/proc/modules").read_text().splitlines()]


def host() -> list[str]:
    """What a lab must not touch."""
    counters = Path("/proc/net/xfrm_stat").read_text()
    values = [path.read_text() for path in sorted(Path("/proc/sys/net/core").glob("xfrm_*"))]
    links = said("ip", "-o", "addr")
    states = [said("ip", "-s", "xfrm", kind) for kind in ("state", "policy")]
    return [counters, *values, links, *states]


def namespaces() -> int:
    """Of all processes."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.add((process / "ns/net").readlink())
        except OSError:
            continue
    return len(found)


def spoilt_keys() -> None:
    """Who receives has another key than who sent."""
    frames = Workbench.frames

    def spoilt(self: Workbench, pair: Pair, *arguments: Any, **options: Any) -> Any:
        other = pair._replace(there=pair.there._replace(algorithms=(gcm(),)))
        return frames(self, other, *arguments, **options)

    setattr(Workbench, "frames", spoilt)  # noqa: B010


def no_policies() -> None:
    add = XfrmSocket.add

    def spoilt(self: XfrmSocket, *what: Any) -> None:
        add(self, *(each for each in what if not isinstance(each, Policy)))

    setattr(XfrmSocket, "add", spoilt)  # noqa: B010


def spoilt(what: Any) -> Any:
    """All answers in a process in which something was spoilt before."""

    def work(send: child.Send) -> None:
        what()
        found, _ = _run.run(names())
        send([[each.name, each.reply.answer if each.reply else each.why] for each in found])

    heard: list[Any] = []
    ending = child.run(work, heard.append, 300)
    return dict(heard[0]) if heard else ending.why


def killed(times: int) -> int:
    """How many of so many runs were killed before they were through."""
    generator = random.Random(times)  # noqa: S311 - moments, no secrets
    count = 0
    for _ in range(times):
        process = subprocess.Popen((*TOOL, "--lab"), stdout=subprocess.DEVNULL)
        time.sleep(generator.uniform(0.1, 2))
        count += process.poll() is None
        os.kill(process.pid, signal.SIGKILL) if process.poll() is None else None
        process.wait()
    return count


def settled() -> int:
    """Network namespaces of processes, when those whose parents are gone have had time to go."""
    end = time.monotonic() + 10
    while namespaces() > 1 and time.monotonic() < end:
        time.sleep(0.05)
    return namespaces()


def main() -> None:
    answer: dict[str, Any] = {}
    if len(sys.argv) > 1:
        tool("--lab")
        before = host()
        answer["killed"] = killed(int(sys.argv[1]))
        answer["namespaces"] = settled()
        answer["host is as before"] = host() == before
        print(json.dumps(answer))
        return
    answer["check"] = tool("--lab", "--check")
    answer["modules after check"] = modules()
    answer["first"] = tool("--lab", "unknown-spi", "--format", "json")
    said("ip", "xfrm", "state", "add", *ENDS, "proto", "esp", "spi", "0x1000", *GCM)
    policy = ("dir", "out", "tmpl", *ENDS, "proto", "esp", "mode", "transport")
    said("ip", "xfrm", "policy", "add", *ENDS, *policy)
    before = host()
    answer["root"] = tool("--lab", "--format", "json")
    answer["nobody"] = tool("--lab", "--format", "json", user=NOBODY)
    command = (*TOOL, "--lab", "--format", "json")
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answer["two at once"] = [json.loads(process.communicate()[0]) for process in both]
    answer["check, then"] = tool("--lab", "--check", "-v")
    answer["host is as before"] = host() == before
    answer["other keys"] = spoilt(spoilt_keys)
    answer["no policies"] = spoilt(no_policies)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
