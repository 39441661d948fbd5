# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: --lab as root and as nobody at once, killed, and where something is spoilt.

JSON answer. With a number as argument, that many runs are killed and nothing else is done.
"""

import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyroute2.nftables.main import NFTables

from modprobe_ipsec.kernel import child
from modprobe_ipsec.kernel.netlink import Netlink
from modprobe_ipsec.lab.pair import Pair
from modprobe_ipsec.lab.states import Policy, XfrmSocket
from modprobe_ipsec.lab.workbench import Workbench, gcm
from modprobe_ipsec.probes import _run

TOOL = (sys.executable, "-I", "-m", "modprobe_ipsec")
NOBODY = 65534
FIRST = "modes-and-protocols"
AUDIT_SET = 1001
GCM = ("aead", "rfc4106(gcm(aes))", f"0x{20 * '01'}", "128")
ENDS = ("src", "192.0.2.1", "dst", "192.0.2.2")


def start(*arguments: str, user: int = 0) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = (*TOOL, *arguments)
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, user=user, group=user, extra_groups=()
    )


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    stdout, stderr = process.communicate()
    report = json.loads(stdout) if stdout.startswith("{") else stdout
    return {"status": process.returncode, "stderr": stderr, "report": report}


def tool(*arguments: str) -> dict[str, Any]:
    return ended(start(*arguments))


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


def dropped() -> None:
    """Packet filters of both hosts drop all that comes in."""
    init = Workbench.__init__

    def spoilt(self: Workbench) -> None:
        init(self)
        for host in (self.network.a, self.network.b):
            with self.network.at(host):
                drop_all()

    setattr(Workbench, "__init__", spoilt)  # noqa: B010


def drop_all() -> None:
    """A chain whose policy drops all that comes in (NF_DROP)."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with NFTables(nfgen_family=family) as filters:
            filters.table("add", name="t")
            filters.chain("add", table="t", name="c", hook="prerouting", type="filter", policy=0)


def watch_all() -> None:
    """Switch on what can tell of an unknown SPI."""
    said("modprobe", "-a", "nf_tables", "nft_log", "nfnetlink_log")
    # struct audit_status: mask AUDIT_STATUS_ENABLED, enabled; of 10 to 11 fields in all
    with suppress(OSError), Netlink(9) as log:
        log.ask(AUDIT_SET, struct.pack("2I", 1, 1) + bytes(32))


def spoilt(what: Any, *behaviours: str) -> Any:
    """Their answers in a process in which something was spoilt before."""

    def work(send: child.Send) -> None:
        what()
        found, _ = _run.run(behaviours)
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
    if sys.argv[1:2] and sys.argv[1].isdigit():
        tool("--lab")
        before = host()
        answer["killed"] = killed(int(sys.argv[1]))
        answer["namespaces"] = settled()
        answer["host is as before"] = host() == before
        print(json.dumps(answer))
        return
    if sys.argv[1:] == ["filters"]:
        # user-mode-linux has no packet filter for IP
        answer["root"] = tool("--lab", "--format", "json")
        watch_all()
        answer["watched"] = tool("--lab", "unknown-spi", "--format", "json")
        answer["dropped"] = spoilt(dropped, "sa-direction", "unknown-spi")
        print(json.dumps(answer))
        return
    # the question that takes most modules
    answer["check"] = tool("--lab", FIRST, "--check")
    answer["modules after check"] = modules()
    answer["first"] = tool("--lab", FIRST, "--format", "json")
    said("ip", "xfrm", "state", "add", *ENDS, "proto", "esp", "spi", "0x1000", *GCM)
    policy = ("dir", "out", "tmpl", *ENDS, "proto", "esp", "mode", "transport")
    said("ip", "xfrm", "policy", "add", *ENDS, *policy)
    before = host()
    both = [start("--lab", "--format", "json", user=user) for user in (0, NOBODY)]
    answer["root"], answer["nobody"] = map(ended, both)
    answer["check, then"] = tool("--lab", "unknown-spi", "--check", "-v")
    answer["host is as before"] = host() == before
    keyed = ("nat-traversal", "end-of-life", "sa-direction")
    watch_all()
    answer["watched"] = tool("--lab", "unknown-spi", "--format", "json")
    answer["other keys"] = spoilt(spoilt_keys, *keyed)
    answer["no policies"] = spoilt(no_policies, "flows-of-one-policy", "larval-acquire")
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
