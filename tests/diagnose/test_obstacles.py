# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way: which comes first, what it was shipped against, who would load."""

from typing import Any

import pytest

from modprobe_ipsec.base.text import strerror
from modprobe_ipsec.diagnose.autoload import autoload_policy
from modprobe_ipsec.diagnose.mitigation import behind, decision
from modprobe_ipsec.diagnose.obstacle import Obstacle
from modprobe_ipsec.diagnose.obstacles import Stage, checks, kinds
from modprobe_ipsec.diagnose.resolution import LoadFailure, Resolution, ResolutionState
from modprobe_ipsec.host.facts import (
    BINARY_INDEXES,
    BUSYBOX,
    Directive,
    Environment,
    KernelConfig,
    ModuleFile,
    Rule,
    Unreadable,
)
from modprobe_ipsec.host.kernel.module_file import look, stand_in
from modprobe_ipsec.plan.planner import diagnose
from tests.facts import GCM, MODERN, blacklist, facts, install, live
from tests.shipped import CATALOG

VULNERABILITIES = {
    vulnerability.name: vulnerability for vulnerability in CATALOG.knowledge.mitigations
}


def answer(
    alias: str = "xfrm-type-2-50", failure: LoadFailure | None = None, **changes: Any
) -> Resolution:
    """How a request of ESP over IPv4 with AES-GCM stands; `failure` is that of esp4."""
    tried = {"esp4": failure} if failure else {}
    (found,) = diagnose([GCM], facts(**changes), CATALOG, tried).answers[alias]
    return found


def found(**changes: Any) -> Obstacle | None:
    return answer(**changes).obstacle


def kind(**changes: Any) -> str | None:
    obstacle = found(**changes)
    return obstacle.kind.name if obstacle else None


def around(**changes: Any) -> Any:
    return lambda: Environment(**changes)


def config(versions: str) -> KernelConfig:
    return KernelConfig(f"CONFIG_MODVERSIONS={versions}\n", "boot/config")


DEP_BIN, ALIAS_BIN = (f"/lib/modules/6.1.0-56-amd64/{name}" for name in BINARY_INDEXES)
LIBKMOD = "/usr/lib/libkmod.so.2"
VERSIONED = ModuleFile("/lib/x/esp4.ko", vermagic="6.1.0-55-amd64 SMP modversions")
PLAIN = VERSIONED._replace(vermagic="6.1.0-55-amd64 SMP")
UNSIGNED = ModuleFile("/lib/x/esp4.ko", vermagic="6.1.0-56-amd64 SMP", signed=False)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"rules": (install("esp4"),)}, "install"),
        ({"rules": (install("xfrm_algo"),)}, "install"),
        # what is there already cannot be kept out
        ({"rules": (install("xfrm_algo"),), "modules": live("xfrm_algo")}, None),
        ({"rules": (blacklist("esp4"),)}, "blacklist"),
        ({"modules_disabled": True}, "modules_disabled"),
        # the first in the order of a load
        ({"rules": (blacklist("esp4"),), "modules_disabled": True}, "blacklist"),
        ({"module_files": {"esp4": ModuleFile("/x", "no such file")}}, "no module file"),
        ({"module_files": {"xfrm_algo": ModuleFile("/x", "truncated")}}, "broken module file"),
        (
            {"module_files": {"esp4": ModuleFile("/x", vermagic="6.1.0-55-amd64 SMP")}},
            "module of another kernel",
        ),
        ({"module_files": {"esp4": UNSIGNED}}, None),
        # what checksums of symbols let in
        ({"module_files": {"esp4": VERSIONED}, "config": config("y")}, None),
        ({"module_files": {"esp4": VERSIONED}, "config": config("n")}, "module of another kernel"),
        ({"module_files": {"esp4": PLAIN}, "config": config("y")}, "module of another kernel"),
        (
            {"module_files": {"esp4": UNSIGNED}, "environment": around(sig_enforce=True)},
            "signature",
        ),
        ({"module_files": {"esp4": UNSIGNED}, "environment": around(lockdown="none")}, None),
        (
            {"module_files": {"esp4": UNSIGNED}, "environment": around(lockdown="integrity")},
            "signature",
        ),
        (
            {
                "module_index": MODERN._replace(lacks=(DEP_BIN,)),
                "environment": around(libkmod=LIBKMOD),
            },
            "no module index",
        ),
        # busybox reads the text
        (
            {"module_index": MODERN._replace(lacks=(DEP_BIN,)), "environment": around(libkmod="")},
            None,
        ),
        (
            {
                "module_index": MODERN._replace(lacks=(ALIAS_BIN,)),
                "environment": around(libkmod=LIBKMOD),
            },
            None,
        ),
        # a file that only libkmod can read is left to it
        (
            {"module_files": {"esp4": ModuleFile("/x")}, "environment": around(sig_enforce=True)},
            None,
        ),
    ],
)
def test_the_first_obstacle(changes: dict[str, Any], expected: str | None) -> None:
    assert kind(**changes) == expected


def test_a_dependency_is_named() -> None:
    obstacle = found(rules=(install("xfrm_algo"),))
    assert obstacle and obstacle.module == "xfrm_algo"


FAILED = LoadFailure(ResolutionState.ABSENT, "esp4: (ENOENT)")


def test_a_command_is_named_once_it_has_failed() -> None:
    rules = (install("esp4", "/usr/local/sbin/decide"),)
    assert found(rules=rules) is None
    after = answer(rules=rules, failure=FAILED)
    assert after.obstacle and after.obstacle.kind.name == "install"
    assert "x.conf:1" in after.remedy and FAILED.evidence in after.evidence
    assert found(failure=FAILED) is None


def test_another_kernel_s_file_is_named_once_it_has_failed() -> None:
    files = {"module_files": {"esp4": VERSIONED}, "config": config("y")}
    obstacle = found(failure=FAILED._replace(of_file=True), **files)
    assert obstacle and obstacle.kind.name == "module of another kernel"
    # what was refused before the file was looked at is not the file's fault
    assert found(failure=FAILED, **files) is None
    # without the configuration nobody knows whether the release counts
    unsure = found(module_files={"esp4": VERSIONED})
    assert unsure and not unsure.sure


def test_true_is_told_from_false() -> None:
    true = found(rules=(install("esp4", "/bin/true"),))
    assert true and "loads nothing" in true.means
    false = found(rules=(install("esp4", "/bin/false"),))
    assert false and false.means == ""


def rule(where: str, directive: Directive = Directive.INSTALL) -> Rule:
    return Rule(directive, "esp4", "/bin/false", where, "install esp4 /bin/false")


def test_a_file_that_names_its_hole_is_believed() -> None:
    known = CATALOG.knowledge.mitigations
    assert [vulnerability.name for vulnerability in behind(rule("/x/y.conf:1"), "esp4", known)] == [
        "Dirty Frag",
        "Fragnesia",
    ]
    assert [
        vulnerability.name for vulnerability in behind(rule("/x/a-fragnesia.conf:1"), "esp4", known)
    ] == ["Fragnesia"]
    assert behind(rule("/x/dirtyfrag.conf:1"), "gcm", known) == ()
    assert behind(rule("/x/dirtyfrag.conf:1", Directive.ALIAS), "esp4", known) == ()


@pytest.mark.parametrize(
    ("release", "build", "words"),
    [
        ("6.12.117+deb13-amd64", "", "no longer needed"),
        ("6.12.85+deb13-amd64", "", "this kernel is older"),
        ("6.12.86+deb13-amd64", "", "no longer needed"),
        ("6.12.48", "#1 SMP Debian 6.12.86-1 (2026-05-10)", "no longer needed"),
        ("6.12.48", "#1 SMP Debian 6.12.86-0 (2026-05-10)", "this kernel is older"),
        ("6.1.0-56-amd64", "#1 SMP Debian 6.1.192-2 (2026-10-01)", "it is not known"),
        # somebody else's kernel
        ("6.12.117-1.el10", "#1 SMP", "Debian fixed Dirty Frag in 6.12.86-1"),
        ("", "", "Debian fixed Dirty Frag in 6.12.86-1"),
    ],
)
def test_whether_the_kernel_has_the_fix(release: str, build: str, words: str) -> None:
    said = decision([VULNERABILITIES["Dirty Frag"]], release, build)
    assert "to remove it is a security decision" in said
    assert words in said
    if "el10" in release or not release:
        assert said.endswith(words)


def test_what_is_not_known_is_said() -> None:
    assert "no kernel that fixes Fragnesia is known" in decision(
        [VULNERABILITIES["Fragnesia"]], "6.12", ""
    )


@pytest.mark.parametrize(
    ("changes", "works", "why"),
    [
        ({}, True, ""),
        ({"modprobe_path": ""}, False, "kernel.modprobe is empty"),
        ({"modprobe_path": "/bin/false"}, False, "kernel.modprobe is /bin/false"),
        ({"modprobe_path": None}, None, "cannot be read"),
        ({"environment": around(modprobe_there=False)}, False, "no such program"),
        ({"environment": around(selinux=True)}, None, "SELinux"),
        ({"running": False}, None, "does not run here"),
        (
            {
                "module_index": MODERN._replace(lacks=(ALIAS_BIN,)),
                "environment": around(libkmod=LIBKMOD),
            },
            False,
            ALIAS_BIN,
        ),
        # BusyBox's modprobe reads modules.alias
        (
            {
                "module_index": MODERN._replace(lacks=(ALIAS_BIN,)),
                "environment": around(libkmod=LIBKMOD, modprobe_of=BUSYBOX),
            },
            True,
            "",
        ),
        # it has no say in that
        ({"environment": around(apparmor="/usr/sbin/modprobe-ipsec")}, True, ""),
    ],
)
def test_autoload(changes: dict[str, Any], works: bool | None, why: str) -> None:
    policy = autoload_policy(facts(**changes), CATALOG.knowledge)
    autoload = policy.of("esp4", accelerator=False)
    assert autoload.works is works
    assert why in autoload.why and bool(autoload.why) == (works is not True)


def test_the_kernel_does_not_ask_for_what_is_only_faster() -> None:
    policy = autoload_policy(facts(), CATALOG.knowledge)
    assert "udev" in policy.of("aesni_intel", accelerator=True).why
    assert "nobody" in policy.of("camellia_x86_64", accelerator=True).why


@pytest.mark.parametrize(
    ("alias", "module", "errno"),
    [
        ("net-pf-16-proto-6", "xfrm_user", 93),
        ("xfrm-type-2-50", "esp4", 93),
        ("crypto-gcm", "gcm", 38),
        ("crypto-seqiv", "seqiv", 2),
    ],
)
def test_what_is_seen(alias: str, module: str, errno: int) -> None:
    symptom = answer(alias, rules=(install(module),)).symptom
    assert symptom and symptom.errno == errno
    words = (str(errno), strerror(errno))
    assert len(symptom.lines) >= 2
    assert all(any(word in line for word in words) for _, line in symptom.lines)
    assert answer(alias).symptom is None


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, "as root"),
        ({"container": "docker"}, "on the host"),
        ({"cap_sys_module": False}, "CAP_SYS_MODULE"),
        ({"libkmod": "", "cap_sys_module": True, "distribution": ("fedora",)}, "kmod-libs"),
        ({"libkmod": "", "cap_sys_module": True}, "install libkmod"),
        ({"apparmor": "tight"}, "the profile tight, which must allow `capability sys_module,`"),
        ({"apparmor": "docker-default", "container": "docker"}, "on the host"),
        # a tree without /proc says nothing about who would load there
        ({"libkmod": ""}, "as root"),
    ],
)
def test_who_can_load(known: dict[str, Any], words: str) -> None:
    host = facts(environment=around(**known))
    assert words in autoload_policy(host, CATALOG.knowledge).loader


def test_no_module_support_is_told_from_no_tree() -> None:
    gaps = tuple(
        Unreadable(path, "no such file", missing=True)
        for path in ("proc/modules", "proc/sys/kernel/modules_disabled")
    )
    assert kind(module_index=None, modules=None, unreadable=gaps) == "no module support"
    config = KernelConfig("# CONFIG_MODULES is not set\nCONFIG_INET_ESP=m\n", "proc/config.gz")
    assert kind(module_index=None, modules=None, config=config) == "no module support"
    assert kind(module_index=None) == "no module directory"


def test_nothing_more_is_read_while_all_is_well() -> None:
    def refuse() -> Environment:
        raise AssertionError("read")

    assert found(modules=live(*MODERN.files), environment=refuse) is None


def test_what_denies_is_named() -> None:
    def remedy(apparmor: str, failure: LoadFailure, **known: Any) -> str:
        known = {"cap_sys_module": True, **known}
        return answer(failure=failure, environment=around(apparmor=apparmor, **known)).remedy

    denied = LoadFailure(ResolutionState.BLOCKED, "esp4: ... (EPERM)", denied=True)
    assert answer(failure=denied).state is ResolutionState.BLOCKED
    assert answer(failure=denied).evidence == denied.evidence
    assert "the profile tight" in remedy("tight", denied)
    assert 'profile="tight"' in remedy("tight", denied)
    assert remedy("", denied) == ""
    for known in ({"cap_sys_module": False}, {"container": "docker"}):
        assert remedy("tight", denied, **known) == ""
    other = LoadFailure(
        ResolutionState.BLOCKED, "esp4: its signature is not accepted (EKEYREJECTED)"
    )
    assert remedy("tight", other) == ""


def test_each_kind_of_obstacle_has_one_file() -> None:
    names = [kind.name for check in checks() for kind in check.kinds]
    assert len(names) == len(set(names)) == len(kinds())
    stages = [list(Stage).index(check.stage) for check in checks()]
    assert stages == sorted(stages)


def test_all_lines_in_the_way_are_named() -> None:
    rules = (install("esp4"), blacklist("esp4"))
    blocked = answer(rules=rules)
    assert [obstacle.rule for obstacle in blocked.obstacles] == list(rules)
    assert {obstacle.remedy for obstacle in blocked.obstacles} == {blocked.remedy}
    assert all(rule.where in blocked.remedy for rule in rules)


# `printf 'aaaa...' | zstd -19`; and two raw blocks
ZSTD = (
    bytes.fromhex("28b52ffd04683d000008610100300542196c65d7"),
    b"\x28\xb5\x2f\xfd\x20\x06" + b"\x18\0\0abc" + b"\x19\0\0def",
)


@pytest.mark.parametrize("data", ZSTD)
def test_zstd_is_whole_or_cut_off(data: bytes) -> None:
    assert look("/x", data) == ModuleFile("/x")
    assert {look("/x", data[:end]).broken for end in range(4, len(data))} == {"truncated"}
    # what follows may be another frame, or something that decoders skip
    assert look("/x", data + data).broken == look("/x", data + b"\0").broken == ""
    assert look("/x", data + data[:-1]).broken == "truncated"


def test_zstd_of_unknown_blocks_is_damaged() -> None:
    head = ZSTD[1][:6]
    # a reserved type, and a block larger than any may be
    for block in (b"\x1f\0\0", b"\xf9\xff\xff"):
        assert look("/x", head + block + b"abc").broken == "damaged: not zstd data"


@pytest.mark.parametrize(
    "body",
    [
        ModuleFile("/x", vermagic="6.1 SMP", signed=True),
        ModuleFile("/x", vermagic="6.1 SMP", signed=False),
        ModuleFile("/x"),
        look("/x", b""),
        look("/x", b"\x7fELF"),
        look("/x", b"\xfd7zXZ\0"),
        look("/x", b"\xfd7zXZ\0" + b"?" * 30),
        look("/x", b"\x1f\x8b" + b"?" * 30),
        look("/x", b"BZh9"),
        look("/x", b"\x28\xb5\x2f\xfd"),
        look("/x", b"\x28\xb5\x2f\xfd\x20\x06\x1f\0\0abc"),
    ],
)
def test_a_stand_in_is_as_good_or_as_broken(body: ModuleFile) -> None:
    data = stand_in(body)
    assert data is not None and len(data) < 256
    assert look("/x", data) == body


def test_no_stand_in_for_what_is_not_there() -> None:
    assert stand_in(ModuleFile("/x", "no such file")) is None
