# SPDX-License-Identifier: GPL-3.0-or-later
"""--watch on real kernels: every event is made to happen, and told.

What a flood and an idle minute take, and how a long sequence is told, is printed by hand:

    python -m tests.vm.suites.test_watch KERNEL [CHANGES]
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.vm.harness import uml
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel

pytestmark = pytest.mark.kernels("uml-7")
GUESTS = Path(__file__).parents[1] / "guests"
Said = dict[str, Any]
FAMILIES = ("ipv4", "ipv6")
PEERS = {"ipv4": "192.0.2.1", "ipv6": "2001:db8::1"}
# What a witness tells apart.
BY = {
    "packets": [f"{protocol} {family}" for protocol in ("esp", "ah", "udp") for family in FAMILIES],
    "raw": [f"{protocol} {family}" for protocol in ("esp", "ah") for family in FAMILIES],
    "audit": [f"esp {family}" for family in FAMILIES],
}
FORBIDDEN = re.compile(r"(\w+) is blocked by /etc/modprobe\.d/\1\.conf:1")
PROTOCOLS = {"esp": ("esp", False), "ah": ("ah", False), "udp": ("esp", True)}


def ask(kernel: Kernel, script: str, *arguments: str, cmdline: str = "") -> Said:
    command = ["python3", str(GUESTS / script), *arguments]
    result = run(kernel, command, timeout=500, cmdline=cmdline)
    assert result.status == 0, result.stderr
    answer: Said = json.loads(result.stdout)
    return answer


@pytest.fixture(scope="module")
def unknown(kernel: Kernel) -> Said:
    return ask(kernel, "watch.py", "by_audit", "unknown_spis", cmdline="audit=1")


@pytest.fixture(scope="module")
def events(kernel: Kernel) -> Said:
    return ask(kernel, "watch_events.py")


@pytest.mark.parametrize("witness", BY)
def test_who_lost_its_sas_is_named(unknown: Said, witness: str) -> None:
    said = unknown["by_audit"] if witness == "audit" else unknown["unknown_spis"][witness]
    assert (said["status"], said["errors"], said["made"]["ready"]) == (0, "", True)
    for case in BY[witness]:
        made, family = said["made"][case], case.partition(" ")[2]
        told, about = made["told"], made["told"]["about"]
        assert made["arrived"], case
        protocol, in_udp = PROTOCOLS[case.partition(" ")[0]]
        protocol = "" if witness == "audit" else protocol
        assert (about["source"], about["protocol"], about["in_udp"]) == (
            PEERS[family],
            protocol,
            in_udp,
        )
        assert about["spis"] == [made["spi"]]
        line = 1 + 5 * FAMILIES.index(family)
        assert about["connections"] == [
            {
                "daemon": "libreswan",
                "name": family,
                "place": f"/etc/ipsec.conf:{line}",
                "command": f"ipsec up {family}",
            }
        ]
        assert told["level"] == "warning" and f"ipsec up {family}" in told["message"]


def test_the_counter_alone_names_what_has_no_sa(unknown: Said) -> None:
    said = unknown["unknown_spis"]["counter"]
    assert (said["status"], said["errors"]) == (0, "")
    told = said["made"]["esp ipv4"]["told"]
    assert [each["name"] for each in told["about"]["connections"]] == list(FAMILIES)


TOLD = {
    "rule": "chacha20poly1305 is blocked by /etc/modprobe.d/forbidden.conf:2",
    "rule gone": "chacha20poly1305 is blocked by /etc/modprobe.d/forbidden.conf:2",
    # by whom is told where that still runs
    "module": "; needed for ESP IPv4 CHACHA20_POLY1305",
    "module gone": "chacha20poly1305 was unloaded; needed for ESP IPv4 CHACHA20_POLY1305",
    "directory gone": "the module directory of the running kernel is gone",
    "directory back": "the module directory of the running kernel is gone",
    "autoload": "was loaded by the kernel itself, for crypto-",
    "flush": "all SAs were removed at once",
    "policies": "all policies were removed at once",
    "expired": "the SA ESP from 192.0.2.1 to 192.0.2.2 with SPI 0x00001000 came to its hard limit",
    "acquire": "the kernel asked for ESP from 192.0.2.2 to 192.0.2.1 for udp 192.0.2.2 -> "
    "192.0.2.1 port 9, and no daemon has made it; connection ipv4 (/etc/ipsec.conf:1)",
    "answered": "is there, or not asked for any more",
    "larval": "net.core.xfrm_acq_expires is 0, so it never goes by itself",
    "replay": "refuses 1 packet replayed, or too late for the window; connection ipv4",
    "integrity": "refuses 1 packet with a wrong ICV; connection ipv4",
    "counter": "XfrmInHdrError +1: Arriving packets whose ESP, AH or IPComp header is too short",
    "mapping": "192.0.2.1 port 4500 now sends from 192.0.2.1 port 40000",
}


@pytest.mark.parametrize("name", TOLD)
def test_event(events: Said, name: str) -> None:
    assert events["told"]["ready"]
    told = events["told"][name]
    assert told, f"{name} is not told: {events['end']}"
    assert TOLD[name] in told["message"]


def test_it_ends_when_it_is_told_to(events: Said) -> None:
    assert (events["end"]["status"], events["end"]["errors"]) == (0, "")


def test_one_look(events: Said) -> None:
    quiet, trouble = events["once"]["quiet"], events["once"]["trouble"]
    assert (quiet["status"], quiet["out"], quiet["err"]) == (0, "", "")
    assert (trouble["status"], trouble["err"]) == (2, "")
    (line,) = trouble["out"].splitlines()
    assert "blocked by /etc/modprobe.d/forbidden.conf:1" in line
    assert events["once"]["for"]["status"] == 0
    assert events["once"]["for"]["out"].startswith("<6>watch: watching packets")


def sequence(kernel: Kernel, count: int, seed: int, pause: float) -> Said:
    """A random sequence of changes, and what was told of them."""
    return ask(kernel, "watch_sequence.py", str(count), str(seed), str(pause))


def told_of(events: list[Said]) -> list[tuple[str, str]]:
    """What was told, as the sequence's own log has it."""
    found = []
    for event in events:
        about, kind = event["about"], event["event"]
        if kind == "module":
            found.append(("loaded" if about["loaded"] else "unloaded", about["module"]))
        elif kind == "expired-sa":
            found.append(("expired", f"{about['spi']:#x}"))
        elif kind == "readiness" and (name := FORBIDDEN.search(event["message"])):
            over = event["state"] == "over"
            found.append(("allowed" if over else "forbidden", name[1]))
    return found


def differences(said: Said) -> list[str]:
    """What was missed, told twice, or in another order than it happened, by kind and name."""
    wrong = []
    done = [(what, name) for what, name in said["log"]]
    told = told_of(said["told"])
    for name in {name for _, name in (*done, *told)}:
        happened = [what for what, of in done if of == name]
        heard = [what for what, of in told if of == name]
        if happened != heard:
            wrong.append(f"{name}: {happened} told as {heard}")
    return wrong


def test_a_random_sequence_is_told_as_it_happened(kernel: Kernel) -> None:
    said = sequence(kernel, 30, 17, 0.3)
    assert said["end"] == 0
    assert {what for what, _ in said["log"]} >= {"loaded", "forbidden", "expired"}
    assert differences(said) == []


def main() -> None:
    """Print what a flood and an idle minute take, and how a long sequence was told."""
    kernel = uml.fetch(sys.argv[1] if len(sys.argv) > 1 else "uml-7")
    if len(sys.argv) > 2:
        said = sequence(kernel, int(sys.argv[2]), 17, 1.0)
        kinds = Counter(what for what, _ in said["log"])
        print(f"{dict(kinds)} in {said['took']:.0f} s; wrong: {differences(said)}")
        return
    for name, said in ask(kernel, "watch.py", "flood", "idle").items():
        made = {key: value for key, value in said["made"].items() if key != "lines"}
        lines = [line["message"] for line in said["made"].get("lines", ())]
        print(name, json.dumps(made, indent=2), *lines, sep="\n")


if __name__ == "__main__":
    main()
