# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and patterns, and the CPU's alias that is one."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modprobe_ipsec.base.names import canonical, glob, module_of, underscores
from modprobe_ipsec.host.kernel import cpu

# An AMD EPYC, shortened.
EPYC = "cpu:type:x86,ven0002fam0019mod0011:feature:,0000,0081,0089,0099,00C4,0129"
ARM = "cpu:type:aarch64:feature:,0000,0001,0003,0004"


@pytest.mark.parametrize(
    ("modalias", "pattern", "fits"),
    [
        (EPYC, "cpu:type:x86,ven*fam*mod*:feature:*0099*", True),
        (EPYC, "cpu:type:x86,ven*fam*mod*:feature:*0129*", True),
        (EPYC, "cpu:type:x86,ven*fam*mod*:feature:*00A6*", False),
        (EPYC, "cpu:type:x86,ven0000fam0006mod00CF:feature:*", False),
        (EPYC, "cpu:type:*:feature:*0003*", False),
        (ARM, "cpu:type:*:feature:*0003*", True),
        (ARM, "cpu:type:*:feature:*0005*", False),
        ("", "cpu:type:*", False),
    ],
)
def test_cpu(modalias: str, pattern: str, fits: bool) -> None:
    assert bool(cpu.fitting(modalias, {"module": (pattern,)})) is fits


@given(st.text("ab-!]*", max_size=8), st.text("ab*?[]!-^\\", max_size=12))
@example("-", "[--a]")
@example("b", "[!]a-]")
@example("ab", "[b-a]*")
@example("a*", "?[*]")
def test_glob_is_fnmatch(text: str, pattern: str) -> None:
    assert glob(text, pattern) == fnmatchcase(text, pattern)


@given(st.text(), st.text("a*?[]!-\\^z", max_size=20))
def test_glob_takes_all(text: str, pattern: str) -> None:
    glob(text, pattern)


def test_names() -> None:
    assert canonical("aesni-intel") == "aesni_intel"
    assert module_of("kernel/arch/x86/crypto/aesni-intel.ko.xz") == "aesni_intel"
    assert [module_of(f"x-y.ko{end}") for end in ("", ".gz", ".zst")] == ["x_y"] * 3


@pytest.mark.parametrize(
    ("word", "becomes"),
    [
        ("my-mod", "my_mod"),
        ("a-[x-z]-b[-]", "a_[x-z]_b[-]"),
        ("bad[", None),
        ("bad]", None),
        ("", ""),
    ],
)
def test_underscores(word: str, becomes: str | None) -> None:
    assert underscores(word) == becomes


def test_flags() -> None:
    assert cpu.flags("processor\t: 0\nflags\t\t: fpu aes\n\nprocessor\t: 1\nflags\t: x\n") == {
        "fpu",
        "aes",
    }
    assert cpu.flags("Features\t: fp asimd aes pmull\n") == {"fp", "asimd", "aes", "pmull"}
    assert cpu.flags("") == frozenset()
