# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that --manifest writes, run by Ansible on a host that may load nothing by itself."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.vm.harness import tunnels
from tests.vm.harness.ansible import ansible
from tests.vm.harness.booted import UNITS, boot
from tests.vm.harness.kernels import Kernel

# what Ansible does and the kernel then is does not depend on how it runs
pytestmark = [pytest.mark.kernels("uml-7"), pytest.mark.long]

SCRIPT = Path(__file__).parents[1] / "guests" / "playbook.py"
GCM = tuple(tunnel for tunnel in tunnels.TUNNELS if tunnel.name == "gcm")


@pytest.fixture(scope="module")
def said(kernel: Kernel) -> dict[str, Any]:
    result = boot(
        kernel,
        "bookworm-libreswan",
        ["python3", "/run-test.py"],
        files={
            # networks behind it, and not a single address: only a gateway forwards
            "/etc/ipsec.conf": tunnels.ipsec_conf(GCM).replace("/32", "/24").encode(),
            "/run-test.py": SCRIPT.read_bytes(),
        },
        # the package enables it
        links={f"{UNITS}/ipsec.service": "/dev/null"},
        timeout=600,
        layers=[ansible()],
    )
    assert result.status == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    assert (told["ansible"]["status"], told["systemd"]["status"]) == (0, 0), told
    return told


def _recap(play: dict[str, Any]) -> dict[str, int]:
    """Ansible's own count of what became of the tasks."""
    recap = play["stdout"].partition("PLAY RECAP")[2]
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", recap)}


def test_before_nothing_is_ready(said: dict[str, Any]) -> None:
    before = said["before"]
    assert (before["autoload"], before["check"]) == ("", 1)
    assert set(before["needs"]) == {"loadable"}
    assert not {"xfrm_user", "esp4", "gcm", "seqiv"} & set(before["modules"])
    assert (before["forward"], before["unit"][1]) == ("0", "inactive")


def test_a_host_that_cannot_load_fails_and_has_the_rest(said: dict[str, Any]) -> None:
    play, meanwhile = said["forbidden"], said["meanwhile"]
    recap = _recap(play)
    # the files and the sysctls, which nobody would set later
    assert (play["status"], recap["failed"], recap["changed"]) == (2, 1, 2), play["stdout"]
    assert (meanwhile["check"], meanwhile["forward"], meanwhile["unit"][1]) == (2, "1", "failed")


def test_the_play_makes_the_host_ready(said: dict[str, Any]) -> None:
    recap, after = _recap(said["first"]), said["after"]
    assert said["first"]["status"] == 0, said["first"]["stdout"] + said["first"]["stderr"]
    assert (recap["failed"], recap["unreachable"], recap["skipped"]) == (0, 0, 0)
    # the unit, which failed before
    assert recap["changed"] == 1, said["first"]["stdout"]
    assert (after["autoload"], after["check"]) == ("", 0)
    assert set(after["needs"]) == {"ready"}
    assert {"xfrm_user", "esp4", "gcm", "seqiv"} <= set(after["modules"])
    assert (after["forward"], after["unit"]) == ("1", ["enabled", "active"])


def test_the_files_are_those_of_the_bundle(said: dict[str, Any]) -> None:
    assert len(said["files"]) == 4
    for place, (made, found) in said["files"].items():
        assert made == found, place


def test_a_second_play_changes_nothing(said: dict[str, Any]) -> None:
    recap = _recap(said["second"])
    assert said["second"]["status"] == 0
    assert (recap["ok"], recap["changed"], recap["failed"]) == (3, 0, 0), said["second"]["stdout"]
