# SPDX-License-Identifier: GPL-3.0-or-later
"""What is loaded on each architecture, and which driver then serves, on kernels of paper.

The drivers that are expected are those of the same kernel with all modules of its architecture
loaded by hand.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.host.facts import Facts, ModuleState
from modprobe_ipsec.needs.need import Need, Suite
from modprobe_ipsec.plan.planner import make_plan
from modprobe_ipsec.plan.verdict import Verdict
from tests.diagnose.machines import (
    A15,
    ARM64_MAX,
    ARMV6,
    ARMV8,
    COMMON,
    PI4,
    POWER7,
    POWER10,
    RV64,
    Z15,
    ZVK,
    Machine,
)
from tests.facts import GCM, algorithm, choice
from tests.shipped import CATALOG

CBC = Need(Suite(Protocol.ESP, choice("AES_CBC"), choice("HMAC_SHA2_256_128")), Family.IPV4)
SHA1 = Need(Suite(Protocol.ESP, choice("AES_CBC"), choice("HMAC_SHA1_96")), Family.IPV4)
CHACHA = Need(Suite(Protocol.ESP, choice("CHACHA20_POLY1305"), None), Family.IPV4)

MATRIX = [
    # GCM of parts: whose CTR, whose GHASH
    (A15, GCM, {"ctr(aes)": "aes_arm_bs", "ghash": "ghash_arm_ce"}),
    (A15, CBC, {"cbc(aes)": "aes_arm_bs", "sha256": "sha256_arm"}),
    (A15, SHA1, {"sha1": "sha1_arm_neon"}),
    (A15, CHACHA, {"chacha20": "chacha_neon", "poly1305": "poly1305_arm"}),
    (ARMV8, GCM, {"rfc4106(gcm(aes))": "ghash_arm_ce"}),
    (ARMV8, CBC, {"cbc(aes)": "aes_arm_ce", "sha256": "sha2_arm_ce"}),
    (ARMV8, SHA1, {"sha1": "sha1_arm_ce"}),
    (ARMV6, GCM, {"ghash": "ghash_generic", "aes": "aes_arm"}),
    (ARMV6, CHACHA, {"chacha20": "chacha_neon"}),
    (PI4, GCM, {"ctr(aes)": "aes_neon_bs", "ghash": "ghash_ce"}),
    (PI4, CBC, {"cbc(aes)": "aes_neon_bs", "sha256": "sha256_arm64"}),
    (ARM64_MAX, GCM, {"rfc4106(gcm(aes))": "ghash_ce"}),
    (ARM64_MAX, CBC, {"cbc(aes)": "aes_ce_blk", "sha256": "sha2_ce"}),
    (POWER10, GCM, {"ctr(aes)": "vmx_crypto", "ghash": "vmx_crypto"}),
    (POWER10, CBC, {"cbc(aes)": "vmx_crypto", "sha256": "kernel"}),
    (POWER10, SHA1, {"sha1": "kernel"}),
    (POWER10, CHACHA, {"chacha20": "chacha_p10_crypto"}),
    (POWER7, GCM, {"aes": "kernel", "ghash": "ghash_generic"}),
    (POWER7, CHACHA, {"chacha20": "chacha_generic"}),
    (Z15, GCM, {"gcm(aes)": "aes_s390"}),
    (Z15, CBC, {"cbc(aes)": "aes_s390", "sha256": "sha256_s390"}),
    (Z15, CHACHA, {"chacha20": "chacha_s390"}),
    (ZVK, GCM, {"ctr(aes)": "aes_riscv64", "ghash": "ghash_riscv64"}),
    (ZVK, CBC, {"cbc(aes)": "aes_riscv64", "sha256": "sha256_riscv64"}),
    (RV64, GCM, {"ghash": "ghash_generic"}),
    (RV64, CHACHA, {"chacha20": "chacha_generic"}),
]


@pytest.mark.parametrize(("machine", "need", "served_by"), MATRIX)
def test_the_fastest_driver_serves(
    machine: Machine, need: Need, served_by: Mapping[str, str]
) -> None:
    before = machine.booted()
    loaded, after = machine.load(need, before)
    assert {name: machine.best(name, after) for name in served_by} == served_by
    # what came serves, or something that came cannot do without it
    needed = {dep for name in loaded for dep in _deps(before, name)}
    for name in loaded - needed:
        ours = [a for a in after.algorithms or () if a.module == name]
        if name in machine.modules:
            assert any(machine.best(a.name, after) == name for a in ours), name
    # and a look afterwards agrees
    (found,) = make_plan([need], after, CATALOG).forecasts
    assert found.verdict is Verdict.READY


def _deps(host: Facts, name: str) -> tuple[str, ...]:
    index = host.module_index
    return index.files[name].deps if index and name in index.files else ()


@pytest.mark.parametrize(
    ("machine", "need", "names"),
    [
        (A15, SHA1, {"aes_arm_bs", "sha1_arm_neon"}),
        (ARMV8, CBC, {"aes_arm_ce", "sha2_arm_ce"}),
        (PI4, CBC, {"aes_neon_bs", "sha256_arm64"}),
        (POWER10, CBC, {"vmx_crypto"}),
        (ZVK, CBC, {"aes_riscv64", "sha256_riscv64"}),
    ],
)
def test_what_is_faster_and_not_loaded_makes_it_slow(
    machine: Machine, need: Need, names: set[str]
) -> None:
    """A kernel that loaded by itself what it needed, and stayed with what is built in."""
    host = machine.booted()
    host = host._replace(
        modules=dict.fromkeys((name for name in COMMON), ModuleState.LIVE),
        algorithms=(*(host.algorithms or ()), algorithm("ghash", "ghash-generic", "ghash_generic")),
    )
    plan = make_plan([need], host, CATALOG)
    (found,) = plan.forecasts
    assert found.verdict is Verdict.SLOW
    assert {step.module for step in plan.steps} == names


def test_what_only_its_start_tells_makes_nothing_slow() -> None:
    """Nor is it tried for that alone: where it serves nothing it would be, at each start."""
    host = Z15.booted()._replace(modules=dict.fromkeys(COMMON, ModuleState.LIVE))
    (found,) = make_plan([CBC], host, CATALOG).forecasts
    assert found.verdict is Verdict.READY
    assert {"aes_s390", "sha256_s390"} < Z15.load(CBC, Z15.booted())[0]


@pytest.mark.parametrize("machine", [RV64, POWER7])
def test_what_cannot_start_is_not_tried(machine: Machine) -> None:
    plan = make_plan([GCM, CBC, CHACHA], machine.booted(), CATALOG)
    assert not {step.module for step in plan.steps} & machine.modules.keys()


def test_a_driver_that_falls_back_on_another_gets_the_template() -> None:
    """ctr is a module from 7.2 on, and vmx_crypto's own CTR cannot do without."""
    host = POWER10.booted("7.2.13")
    assert host.module_index is not None
    index = host.module_index
    index = index._replace(
        files={**index.files, "ctr": index.files["gcm"]._replace(name="ctr")},
        aliases={**index.aliases, "crypto-ctr": ("ctr",)},
        builtin=index.builtin - {"ctr"},
    )
    registers = {"vmx_crypto": {"cbc(aes)": 2000, "ctr(aes)": 2000}}
    machine = POWER10._replace(registers=registers)
    loaded, after = machine.load(GCM, host._replace(module_index=index))
    assert {"vmx_crypto", "ctr", "gcm"} < loaded
    assert machine.best("ctr(aes)", after) == "vmx_crypto"


def test_a_driver_that_falls_back_on_nothing_gets_no_other() -> None:
    """p8_ghash has its own generic code since 5.2."""
    loaded, after = POWER10.load(GCM, POWER10.booted())
    assert POWER10.best("ghash", after) == "vmx_crypto"
    assert "ghash_generic" not in loaded


def test_an_alias_of_the_cpu_alone_makes_a_candidate() -> None:
    """Of a machine that the map does not know, and of a module that it does not know."""
    machine = Machine(
        uname="newarch64",
        modules={"aes_new_ce": ("arch/newarch/crypto", "")},
        cpu_patterns={"aes_new_ce": "cpu:type:*:feature:*0001*"},
        modalias="cpu:type:new:feature:,0001,",
        flags="",
        registers={"aes_new_ce": {"aes": 300, "cbc(aes)": 300}},
    )
    loaded, after = machine.load(CBC, machine.booted())
    assert "aes_new_ce" in loaded and machine.best("cbc(aes)", after) == "aes_new_ce"
    other = machine._replace(modalias="cpu:type:new:feature:,0002,")
    plan = make_plan([CBC], other.booted(), CATALOG)
    (found,) = plan.forecasts
    # it may be for another CPU: worth a try, and nothing is slow without it
    assert "aes_new_ce" in {step.module for step in plan.steps}
    host = other.booted()
    host = host._replace(modules=dict.fromkeys(COMMON, ModuleState.LIVE))
    (found,) = make_plan([CBC], host, CATALOG).forecasts
    assert found.verdict is Verdict.READY


def test_code_that_is_loaded_and_serves_nothing_is_no_reason_to_stop_looking() -> None:
    """aes_s390 where CPACF has no AES."""
    machine = Z15._replace(registers={**Z15.registers, "aes_s390": {}})
    loaded, after = machine.load(GCM, machine.booted())
    assert {"gcm", "ghash_generic"} < loaded
    (found,) = make_plan([GCM], after, CATALOG).forecasts
    assert found.verdict is Verdict.READY


def test_no_architecture_is_named_in_code() -> None:
    """All that is known of one is data."""
    words = {name for of in CATALOG.architectures.values() for name in of.uname}
    words |= {*CATALOG.architectures}
    words |= {module for of in CATALOG.architectures.values() for module in of.modules}
    words |= {option for of in CATALOG.architectures.values() for option in of.config}
    words -= {"32BIT", "64BIT"}
    pattern = re.compile(rf"""["'](?:{"|".join(map(re.escape, sorted(words)))})["']""")
    package = Path(__file__).parents[2] / "modprobe_ipsec"
    files = [path for path in package.rglob("*.py") if not path.name.startswith("_map")]
    assert len(files) > 200
    for path in files:
        assert not pattern.search(path.read_text()), path
