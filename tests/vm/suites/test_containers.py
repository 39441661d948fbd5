# SPDX-License-Identifier: GPL-3.0-or-later
"""Real containers on real kernels: the hook loads and proves, or names what is in the way; and
what can be told from inside of a host that refuses.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.vm.harness.guest import run
from tests.vm.harness.interpreter import MissingError
from tests.vm.harness.kernels import Kernel
from tests.vm.harness.userland import _closure, _which

# what differs between kernels is in the matrix
pytestmark = pytest.mark.kernels("uml-7")

SCRIPT = Path(__file__).parents[1] / "guests" / "containers.py"
Answers = dict[str, dict[str, Any]]


def runc() -> Mapping[str, bytes]:
    """runc, and the one library of it that a guest lacks."""
    program = _which("runc")
    if not program:
        raise MissingError("apt-get install runc")
    libraries = [path for path in _closure([program]) if "libseccomp" in path.name]
    return {str(path): path.read_bytes() for path in (program, *libraries)}


def answers(kernel: Kernel, mode: str) -> Answers:
    command = ["python3", str(SCRIPT), mode]
    result = run(kernel, command, files=runc(), timeout=600, memory=1024)
    assert result.status == 0, result.stderr
    found: Answers = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def hooked(kernel: Kernel) -> Answers:
    return answers(kernel, "hook")


@pytest.fixture(scope="module")
def refused(kernel: Kernel) -> Answers:
    return answers(kernel, "refusals")


def container(said: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = said["report"]["container"]
    return found


def reasons(said: dict[str, Any]) -> str:
    return "; ".join(r["text"] for need in said["report"]["needs"] for r in need["reasons"])


def line(said: dict[str, Any]) -> str:
    """The hook's one line, from the runtime's error."""
    assert said["status"] and "started" not in said["stdout"]
    (found,) = re.findall(r"modprobe-ipsec-hook: vpn: (.*)", said["stderr"])
    return str(found)


def test_the_hook_names_what_forbids_it_and_does_not_load_it(hooked: Answers) -> None:
    said = line(hooked["install"])
    assert "blocked by /etc/modprobe.d/dirtyfrag.conf:2: install esp4 /bin/false" in said
    assert "CVE-2026-43284" in said
    assert "esp4" not in hooked["modules before"]


def test_the_hook_loads_exactly_the_plan_and_the_container_starts(hooked: Answers) -> None:
    assert hooked["hook"] == {"status": 0, "report": None, "stdout": "started\n", "stderr": ""}
    came = set(hooked["modules"]) - set(hooked["modules before"])
    planned = {
        name
        for steps in hooked["plan"]["report"]["plan"]
        for step in steps
        for name in (step["module"], *step["with"])
    }
    assert came and came == planned


def test_an_ordinary_users_hook_says_that_it_cannot_load(hooked: Answers) -> None:
    said = hooked["nobody"]
    assert said["status"] and "runs without CAP_SYS_MODULE" in said["stderr"]


def test_afterwards_all_is_well_inside_though_the_kernel_loads_nothing(hooked: Answers) -> None:
    before, after = hooked["autoload"], hooked["after"]
    assert container(before["inside"])["autoload"]["why"] == "kernel.modprobe is /bin/false"
    assert "crypto-seqiv" in container(before["inside"])["preload"]
    assert after["status"] == 0 and container(after)["preload"] == []
    assert {n["proof"]["answer"] for n in after["report"]["needs"]} == {"accepted"}
    assert container(after)["evidence"] == [{"path": "proc/1/environ", "said": "container=podman"}]


def test_the_first_program_waits_for_the_host_and_then_is_the_daemon(hooked: Answers) -> None:
    before = hooked["autoload"]["init"]
    assert before["status"] == 2 and "started" not in before["stdout"]
    assert "preload" in before["stderr"] and "crypto-gcm" in before["stderr"]
    assert hooked["init"] == {"status": 9, "report": None, "stdout": "", "stderr": ""}
    without = hooked["init without capability"]
    assert without["status"] == 2 and "CAP_NET_ADMIN is missing" in without["stderr"]


def test_what_a_container_lacks(hooked: Answers) -> None:
    lacks = [lack["what"] for lack in container(hooked["no capability"])["lacks"]]
    assert [what.split(":")[0] for what in lacks] == ["CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE"]
    # and yet a user namespace of its own proves it
    assert {n["proof"]["answer"] for n in hooked["no capability"]["report"]["needs"]} == {
        "accepted"
    }


def test_a_seccomp_profile_is_called_one(hooked: Answers) -> None:
    why = container(hooked["seccomp"])["unproven"]
    assert "a seccomp filter" in why and "EPERM" in why


def test_mapped_ids(hooked: Answers) -> None:
    said = container(hooked["mapped"])
    assert (said["user_namespace"], said["root_is"], said["rootless"]) == (True, 100000, False)
    assert any("net.core.xfrm_*" in lack["what"] for lack in said["lacks"])
    assert hooked["mapped"]["status"] == 0


# What is said inside about the kernel's own loading, and on the host about the cause.
REFUSALS = {
    "stale": (
        "no module directory of this kernel (upgraded, not",
        "only for 9.9.9-other: upgraded",
    ),
    "install": ("an install or blacklist line", "dirtyfrag.conf:2: install esp4 /bin/false"),
    "blacklist": ("an install or blacklist line", "dirtyfrag.conf:1: blacklist esp4"),
    "sealed": ("kernel.modules_disabled is 1", "kernel.modules_disabled = 1"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_each_refusal_is_told_inside_as_far_as_it_shows_and_exactly_on_the_host(
    name: str, refused: Answers
) -> None:
    inside, cause = REFUSALS[name]
    answer = refused[name]
    said = container(answer["inside"])
    assert inside in said["autoload"]["why"] and said["autoload"]["works"] is False
    assert said["preload"], "it says what the host is to load"
    assert cause not in json.dumps(answer["inside"]), "that cannot be seen from inside"
    assert cause in reasons(answer["host"])
    assert cause in line(answer["hook"])
    assert "esp4" not in refused["blacklist"]["modules"]


def test_refusals_that_differ_from_inside_are_told_apart(refused: Answers) -> None:
    said = {name: container(refused[name]["inside"])["autoload"]["why"] for name in REFUSALS}
    assert len({said["stale"], said["install"], said["sealed"]}) == 3
    # nothing that a container can see differs here
    assert said["install"] == said["blacklist"]
