# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: --measure, and a program in C that measures the same SA in turns with it.

JSON answer. The program is /throughput. With arguments these modules are loaded, and what
--measure finds before and after a load is the whole answer.
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.commands import engine
from modprobe_ipsec.kernel import child
from modprobe_ipsec.lab.measure import Bench
from modprobe_ipsec.needs.need import Choice, Need, Suite

TOOL = (sys.executable, "-I", "-m", "modprobe_ipsec", "--measure", "--format", "json")
NOBODY = 65534
# The ends of the tunnel, and of the packets in it.
OUTSIDE, INSIDE = ("192.0.2.1", "192.0.2.2"), ("198.51.100.1", "203.0.113.1")
ENDS = ("src", OUTSIDE[0], "dst", OUTSIDE[1])
SPI = ("proto", "esp", "spi", "0x1000")
SIZES = ("64", "512", "1400")
# The same as in `network`; and what gains most from the CPU's own code.
GCM = ("--esp", "aes128gcm16", "-4")
CBC = ("--daemon", "strongswan", "--esp", "aes128-sha256-noesn", "-4")
# At most so many turns, and no more once they differ by less than this.
TURNS, AGREED = 8, 0.1


def tool(*arguments: str, user: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        (*TOOL, *arguments), capture_output=True, text=True, user=user, group=user, extra_groups=()
    )
    report = json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout
    return {"status": done.returncode, "stderr": done.stderr, "report": report}


def said(line: str) -> str:
    done = subprocess.run(line.split(), stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def modules() -> list[str]:
    return sorted(line.split()[0] for line in Path("/proc/modules").read_text().splitlines())


def network() -> None:
    """Two namespaces and one SA between them, all of it by iproute2."""
    said("ip netns add A")
    said("ip netns add B")
    said("ip link add name va netns A mtu 2000 type veth peer name vb netns B mtu 2000")
    key = f"0x{20 * '01'}"
    algorithm = ("aead", "rfc4106(gcm(aes))", key, "128")
    for number, (name, device, direction) in enumerate((("A", "va", "out"), ("B", "vb", "in"))):
        ip = f"ip -n {name}"
        said(f"{ip} addr add {OUTSIDE[number]}/24 dev {device}")
        said(f"{ip} addr add {INSIDE[number]}/32 dev lo")
        said(f"{ip} link set lo up")
        said(f"{ip} link set {device} up")
        said(f"{ip} route add {INSIDE[1 - number]}/32 via {OUTSIDE[1 - number]}")
        state = (*ip.split(), "xfrm", "state", "add", *ENDS, *SPI, "mode", "tunnel", *algorithm)
        subprocess.run((*state, "replay-window", "32", "flag", "af-unspec"), check=True)
        ends = f"src {INSIDE[0]}/32 dst {INSIDE[1]}/32"
        template = f"tmpl src {OUTSIDE[0]} dst {OUTSIDE[1]} proto esp mode tunnel"
        said(f"{ip} xfrm policy add {ends} dir {direction} {template}")


def independent(size: str) -> tuple[float, int]:
    """Packets per second, and how many in all, as the program in C has them."""
    program = f"/throughput /run/netns/B {INSIDE[0]} {INSIDE[1]} {size} 30"
    rate, sent = said(f"ip netns exec A {program}").split()
    return float(rate), int(sent)


def side_by_side() -> dict[str, Any]:
    """In turns, until the best of both agree: whatever disturbs them makes them slower."""
    network()
    found: dict[str, list[list[float]]] = {"ours": [], "theirs": []}
    sent = 0
    for _ in range(TURNS):
        turn = [independent(size) for size in SIZES]
        found["theirs"].append([rate for rate, _ in turn])
        sent += sum(number for _, number in turn)
        (need,) = tool(*GCM, "--check")["report"]["measured"]["needs"]
        found["ours"].append([speed["packets_per_second"] for speed in need["speeds"]])
        ours, theirs = ([max(each) for each in zip(*side, strict=True)] for side in found.values())
        if all(abs(a / b - 1) < AGREED for a, b in zip(ours, theirs, strict=True)):
            break
    (arrived,) = re.findall(r"(\d+)\(packets\)\s+add", said("ip -n B -s xfrm state"))
    return {**found, "sent": sent, "arrived": int(arrived)}


def taken() -> list[float]:
    """Seconds for one need, again and again, in a process of its own."""
    transform = engine.catalog().transforms["AES_GCM_16"]
    need = Need(Suite(Protocol.ESP, Choice(transform, 128), None), Family.IPV4)

    def work(send: child.Send) -> None:
        bench = Bench()
        for _ in range(5):
            start = time.perf_counter()
            bench.through(need)
            send(time.perf_counter() - start)

    heard: list[float] = []
    child.run(work, heard.append, 60)
    return heard


def main() -> None:
    answer: dict[str, Any] = {}
    Path("/throughput").chmod(0o755)
    if len(sys.argv) > 1:
        said(f"modprobe -a {' '.join(sys.argv[1:])} veth")
        answer["before"] = tool(*CBC, "--check")
        answer["modules"] = [modules()]
        answer["load"] = tool(*CBC)
        answer["modules"].append(modules())
        answer["after"] = tool(*CBC, "--check")
        print(json.dumps(answer))
        return
    answer["check"] = tool("--check", *GCM)
    answer["modules"] = [[], modules()]
    both = ("--esp", "aes128gcm16,aes128-sha256")
    answer["nobody"] = tool(*both, user=NOBODY)
    answer["others"] = tool("--ah", "sha256", "--ipcomp", "-4")
    answer["root"] = tool(*both, "-4")
    answer["check when all is there"] = tool(*both, "--check")
    answer["side by side"] = side_by_side()
    answer["taken"] = taken()
    answer["states"] = said("ip xfrm state")
    for name in "AB":
        said(f"ip netns del {name}")
    answer["namespaces"] = len({p.readlink() for p in Path("/proc").glob("[0-9]*/ns/net")})
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
