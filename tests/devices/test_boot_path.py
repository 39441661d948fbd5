# SPDX-License-Identifier: GPL-3.0-or-later
"""The two libraries cost more than a whole check: only a need for an offload pays for them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.bundle import IMPOSSIBLE, make, state
from tests.hosts import tree

REPOSITORY = Path(__file__).parents[2]
RECORDED = REPOSITORY / "tests/hosts/bases/6.1"
MAIN = "modprobe_ipsec"
GCM = ("--esp", "aes256gcm16")
SWANCTL = """\
connections {
  gw {
    local_addrs = 192.0.2.1
    children { net { esp_proposals = aes128gcm16
                     hw_offload = %s } }
  }
}
"""


def imported(module: str, *arguments: str, stdin: str = "") -> tuple[set[str], str]:
    """The packages that a run of the program imports, its child processes included, and stdout."""
    command = [sys.executable, "-X", "importtime", "-m", module, *arguments]
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, cwd=REPOSITORY, timeout=60
    )
    names = set(re.findall(r"^import time: .*\| +(\w+)[\w.]*$", done.stderr, re.MULTILINE))
    assert "modprobe_ipsec" in names, done.stderr
    return names & {"pyudev", "pyroute2", "modprobe_ipsec"}, done.stdout


def config(directory: Path, offload: str) -> tuple[str, str]:
    path = directory / "swanctl.conf"
    path.write_text(SWANCTL % offload)
    return "--config", str(path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--check", *GCM),
        ("--check", "--format", "json", *GCM),
        ("--dry-run", *GCM),
        ("--check", "--prove", *GCM),
        # a load and a proof; no kernel can do it, so that nothing is loaded for it
        ("--esp", IMPOSSIBLE),
        ("--manifest", "yaml", *GCM),
        ("--check", "--root", str(RECORDED), *GCM),
    ],
)
def test_nobody_else_pays(arguments: tuple[str, ...]) -> None:
    packages, said = imported(MAIN, *arguments)
    assert said and packages == {"modprobe_ipsec"}


def test_a_hook_does_not_pay(tmp_path: Path) -> None:
    asked = json.dumps(state(make(tmp_path), esp=IMPOSSIBLE))
    packages, _ = imported("modprobe_ipsec.commands.oci_hook", stdin=asked)
    assert packages == {"modprobe_ipsec"}


@pytest.mark.parametrize("offload", ["no", "auto"])
def test_no_need_for_an_offload(offload: str, tmp_path: Path) -> None:
    packages, said = imported(MAIN, "--check", *config(tmp_path, offload))
    assert said and packages == {"modprobe_ipsec"}


@pytest.mark.parametrize("offload", ["yes", "crypto", "packet"])
def test_a_need_for_an_offload(offload: str, tmp_path: Path) -> None:
    arguments = ("--check", "--format", "json", *config(tmp_path, offload))
    packages, said = imported(MAIN, *arguments)
    assert packages == {"modprobe_ipsec", "pyudev", "pyroute2"}
    feature = "packet_offload" if offload == "packet" else "offload"
    needs = [need for need in json.loads(said)["needs"] if need.get("feature") == feature]
    requests = [request["request"] for need in needs for request in need["requests"]]
    assert needs and requests.count("esp-hw-offload") == len(needs)


def test_the_cards_of_a_recorded_host_are_unknown(tmp_path: Path) -> None:
    root = tree.assemble("booted-6.1", tmp_path / "root")
    path = root / "etc/swanctl/swanctl.conf"
    path.parent.mkdir(parents=True)
    path.write_text(SWANCTL % "crypto")
    arguments = ("--check", "--format", "json", "--root", str(root))
    packages, said = imported(MAIN, *arguments, "--config", "/etc/swanctl/swanctl.conf")
    assert packages == {"modprobe_ipsec"}
    (need,) = [need for need in json.loads(said)["needs"] if need.get("feature") == "offload"]
    assert need["verdict"] == "unknown"
    assert "network cards of another machine cannot be asked" in need["reasons"][0]["text"]
