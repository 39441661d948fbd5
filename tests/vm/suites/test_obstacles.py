# SPDX-License-Identifier: GPL-3.0-or-later
"""Every obstacle set up for real: it is named, it is not talked around, and lifting it helps."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.debs import start, unpacked
from tests.shipped import MODULES
from tests.vm.harness.guest import run
from tests.vm.harness.image import REPOSITORY
from tests.vm.harness.kernels import Kernel
from tests.vm.harness.uml import UmlKernel

# the oldest, one between and the newest: what differs more is in the matrix
# user-mode-linux: the oldest, one between and the newest; all obstacles but those of the next line
pytestmark = pytest.mark.kernels("uml-5.10", "uml-6.1", "uml-7", "6.1")
# modules that are compressed, signed and have checksums, and lockdown
DEBIAN = pytest.mark.kernels("6.1")

SCRIPT = Path(__file__).parents[1] / "guests" / "obstacles.py"
Answers = dict[str, dict[str, Any]]

# CRYPTO_FIPS was dropped from Debian's kernels after 6.18.
WITH_FIPS = ("5.10", "6.1", "6.1-cloud", "6.12", "6.18")
# Debian's kernels that have a package of their own for the modules.
SPLIT = ("7.2", "7")
# where all of it is tried; on the others some
NEWEST = "uml-7"
CMDLINE = "module_blacklist=esp6 modprobe.blacklist=ah4"
LOCKDOWN = "lockdown=integrity"
INITCALLS = "initcall_blacklist=hmac_module_init,crypto_sha256_mod_init"
# where HMAC is a module
UML_INITCALLS = "initcall_blacklist=sha256_generic_mod_init,crypto_sha256_mod_init"

# What the sentence must have in it.
WORDS = {
    "false": "esp4 is blocked by /etc/modprobe.d/dirtyfrag.conf:2: install esp4 /bin/false",
    "true": "modprobe reports success and loads nothing",
    "pattern": "install esp* /bin/false",
    "dashes": "xfrm_user is blocked by /etc/modprobe.d/dirtyfrag.conf:3",
    "dependency": "xfrm_user, esp4 cannot do without xfrm_algo",
    "alias of an install": "install xfrm-type-2-50 /bin/false",
    "blacklist": "blacklist esp4",
    "blacklist of a template": "seqiv is blocked by /etc/modprobe.d/dirtyfrag.conf:1",
    "alias off": "alias crypto-seqiv off",
    "gone": "there is no such file",
    "empty": "it is empty",
    "truncated": "truncated",
    "other kernel": "built for 0.",
    "compression": "unknown compression",
    "zstd truncated": "truncated",
    "no tree": "only for 9.9.9",
    "no index": "modules.dep: no such file",
    "no binary index": "modules.dep.bin: no such file",
    "modules_disabled": "kernel.modules_disabled = 1",
    "module_blacklist": "module_blacklist=esp6",
    "modprobe.blacklist": "modprobe.blacklist=ah4",
    "unsigned": "has no signature",
    "initcall_blacklist": "and never ran",
}
NOT_FORBIDDEN = (
    *("gone", "empty", "truncated", "other kernel", "compression", "zstd truncated"),
    *("no tree", "no index", "no binary index"),
)
# All but loading modules, which is what most profiles are.
PROFILE = """\
abi <abi/3.0>,
profile held {
  file,
  network,
  mount,
  umount,
  signal,
  ptrace,
  unix,
  capability net_admin,
  capability sys_admin,
  capability dac_override,
  capability dac_read_search,
  capability setuid,
  capability setgid,
}
"""


def policies() -> dict[str, bytes]:
    """The profile as the kernel takes it: as it is, and with what the remedy says."""
    root = unpacked("bookworm", ("apparmor", "libc6"))
    parser = [*start(root, "usr/sbin/apparmor_parser"), "--base", str(root / "etc/apparmor.d")]
    strict = PROFILE
    lifted = PROFILE.replace("{\n", "{\n  capability sys_module,\n", 1)
    return {
        f"/policy/{name}": subprocess.run(
            [*parser, "--skip-kernel-load", "--skip-cache", "--stdout"],
            input=text.encode(),
            capture_output=True,
            check=True,
        ).stdout
        for name, text in (("strict", strict), ("lifted", lifted))
    }


def parsed_map() -> dict[str, bytes]:
    """The map as a wheel has it: reading YAML is a third of each of the many runs."""
    return {f"{REPOSITORY}/modprobe_ipsec/{name}": text.encode() for name, text in MODULES.items()}


def answers(
    kernel: Kernel, mode: str, cmdline: str = "", files: Mapping[str, bytes] | None = None
) -> Answers:
    image = "linux-modules" if kernel.name in SPLIT else "linux-image"
    package = [] if isinstance(kernel, UmlKernel) else [f"{image}-{kernel.release}"]
    command = ["python3", str(SCRIPT), mode, *package]
    files = {"/etc/os-release": b"ID=debian\n", **parsed_map(), **(files or {})}
    result = run(kernel, command, timeout=900, cmdline=cmdline, files=files)
    assert result.status == 0, result.stderr
    found: Answers = json.loads(result.stdout)
    return found


def needs(said: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = said["report"]["needs"]
    return found


def without_proof(said: dict[str, Any]) -> list[dict[str, Any]]:
    return [{k: v for k, v in need.items() if k != "proof"} for need in needs(said)]


def check(name: str, answer: dict[str, Any]) -> None:
    """What is true of every obstacle."""
    verdict = "missing" if name in NOT_FORBIDDEN else "blocked"
    looked, loaded = answer["check"], answer["load"]
    statuses = (looked["status"], loaded["status"])
    # since 6.19 the configuration lies in the module directory: without both, only the kernel tells
    unsure = name == "no tree" and statuses == (3, 2)
    assert statuses == (2, 2) or unsure, name
    for said in (looked, loaded):
        for need in needs(said):
            reasons = need["reasons"]
            assert need["verdict"] == verdict or (unsure and said is looked), name
            assert WORDS[name] in reasons[0]["text"], name
            assert reasons[0]["remedy"], name
    # 7.x waits for built-in code that never ran for longer than the prover does
    answered = {"refused"} if name != "initcall_blacklist" else {"refused", "not asked"}
    assert {need["proof"]["answer"] for need in needs(loaded)} <= answered, name
    assert answer["came by looking"] == [], name
    assert without_proof(answer["of record"]) == without_proof(looked), name
    if "lifted" in answer:
        assert answer["lifted"]["status"] == 0, name


@pytest.fixture(scope="module")
def lifted(kernel: Kernel) -> Answers:
    return answers(kernel, "files" if kernel.name == NEWEST else "short")


def test_what_stands_in_files_is_named_and_lifting_it_helps(lifted: Answers) -> None:
    for name, answer in lifted.items():
        if name in WORDS:
            check(name, answer)


def test_what_is_forbidden_is_not_loaded(lifted: Answers) -> None:
    for name, answer in lifted.items():
        if name in WORDS:
            absent = {"blacklist of a template": "seqiv", "alias off": "seqiv"}.get(name, "esp4")
            assert absent not in answer["modules"], name


def test_a_mitigation_is_called_one(lifted: Answers) -> None:
    remedy = lifted["false"]["remedy"]
    assert "Dirty Frag (CVE-2026-43284)" in remedy and "security decision" in remedy


def test_looking_runs_no_command(lifted: Answers) -> None:
    answer = lifted["command"]
    assert answer["ran"] is False
    assert needs(answer["check"])[0]["verdict"] == "loadable"
    assert "only a run would tell" in needs(answer["check"])[0]["reasons"][0]["text"]
    # libkmod runs it, as the admin wanted, and the module does not come
    assert answer["load"]["status"] == 2
    reason = needs(answer["load"])[0]["reasons"][0]
    # what else stands in such a line is not shown
    assert "/etc/modprobe.d/dirtyfrag.conf:1: install esp4 ... " in reason["text"]
    assert "esp4" not in answer["modules"]
    assert answer["lifted"]["status"] == 0


@DEBIAN
def test_another_release_counts_only_without_checksums(lifted: Answers) -> None:
    assert "other kernel" not in lifted
    came = lifted["other release"]
    assert needs(came["check"])[0]["verdict"] == "loadable"
    assert without_proof(came["of record"]) == without_proof(came["check"])
    assert came["load"]["status"] == 0 and "esp4" in came["modules"]
    refused = lifted["other checksum"]
    assert needs(refused["check"])[0]["verdict"] == "loadable"
    assert refused["load"]["status"] == 2 and "esp4" not in refused["modules"]
    reason = needs(refused["load"])[0]["reasons"][0]["text"]
    assert "built for 0." in reason and "(ENOEXEC)" in reason
    assert refused["lifted"]["status"] == 0


@pytest.mark.parametrize("name", ["no autoload", "modprobe nowhere"])
def test_without_autoload_a_load_by_name_still_works(lifted: Answers, name: str) -> None:
    answer = lifted[name]
    (need,) = needs(answer["check"])
    assert need["verdict"] == "loadable" and "autoload is off" in need["reasons"][0]["text"]
    assert without_proof(answer["of record"]) == without_proof(answer["check"])
    assert answer["load"]["status"] == 0


@pytest.mark.kernels(NEWEST)
def test_without_the_index_of_aliases_a_load_by_name_still_works(lifted: Answers) -> None:
    answer = lifted["no alias index"]
    (need,) = needs(answer["check"])
    assert need["verdict"] == "loadable"
    assert "modules.alias.bin: no such file" in need["reasons"][0]["text"]
    assert without_proof(answer["of record"]) == without_proof(answer["check"])
    assert answer["load"]["status"] == 0
    assert answer["modprobe"] != 0


def edited(cmdline: str, answer: dict[str, Any]) -> str:
    """The kernel command line without what the remedies say to take out of it."""
    for reason in needs(answer["check"])[0]["reasons"]:
        remedy = re.match(
            r"whoever set (\S+)= on the kernel command line decides: if IPsec is wanted here, take "
            r"(\S+) out of the boot loader's configuration and reboot",
            reason["remedy"],
        )
        assert remedy, reason["remedy"]
        words = [word for word in cmdline.split() if not word.startswith(f"{remedy[1]}=")]
        (value,) = re.findall(rf"(?:^| ){re.escape(remedy[1])}=(\S+)", cmdline)
        left = [name for name in value.split(",") if name != remedy[2]]
        assert len(left) < len(value.split(","))
        cmdline = " ".join([*words, f"{remedy[1]}={','.join(left)}"] if left else words)
    return cmdline


def test_what_takes_a_reboot(kernel: Kernel, lifted: Answers) -> None:
    """The command line and kernel.modules_disabled: one more boot, as the remedies say it."""
    remedy = needs(lifted["modules_disabled"]["check"])[0]["reasons"][0]["remedy"]
    assert remedy.startswith("reboot, and run modprobe-ipsec before kernel.modules_disabled is set")
    initcalls = UML_INITCALLS if isinstance(kernel, UmlKernel) else INITCALLS
    cmdline = f"{CMDLINE} {initcalls}"
    for mode, words in (("cmdline", CMDLINE), ("initcall", initcalls)):
        for name, answer in answers(kernel, mode, words).items():
            check(name, answer)
            cmdline = edited(cmdline, answer)
    # not every kernel needs both functions
    assert not re.search(r"esp6|ah4", cmdline)
    assert initcalls not in cmdline
    rebooted = answers(kernel, "rebooted", f"{cmdline} security=apparmor", policies())
    confined = rebooted.pop("apparmor")
    assert len(rebooted) == 4
    for name, answer in rebooted.items():
        assert answer["lifted"]["status"] == 0, name
    check_confined(confined)


@DEBIAN
def test_under_lockdown_what_is_not_signed(kernel: Kernel) -> None:
    """It is no obstacle to what is signed."""
    said = answers(kernel, "signature,cmdline", f"{CMDLINE} {LOCKDOWN}")
    for name, answer in said.items():
        check(name, answer)
    assert "lifted" in said["unsigned"]


def check_confined(answer: dict[str, Any]) -> None:
    """What AppArmor refuses is put down to it, and the printed remedy helps."""
    (need,) = needs(answer["check"])
    assert need["verdict"] == "loadable"
    assert "the profile held" in need["reasons"][0]["remedy"]
    assert answer["load"]["status"] == 2 and "esp4" not in answer["modules"]
    reason = needs(answer["load"])[0]["reasons"][0]
    assert "(EPERM)" in reason["text"]
    assert "the profile held, which must allow `capability sys_module,`" in reason["remedy"]
    # where the remedy says to look
    assert re.search(r'apparmor="DENIED".* profile="held".* capname="sys_module"', answer["log"])
    assert answer["lifted"]["status"] == 0


@pytest.mark.kernels("5.10", "7")
def test_what_fips_mode_forbids_is_what_the_kernel_refuses(kernel: Kernel) -> None:
    said = answers(kernel, "all", "fips=1")["all"]["load"]
    assert said["report"]["kernel"]["fips"] is (kernel.name in WITH_FIPS)
    for need in needs(said):
        forbidden = any("FIPS mode" in reason["text"] for reason in need["reasons"])
        assert need["proof"]["answer"] == ("refused" if forbidden else "accepted"), need["need"]
