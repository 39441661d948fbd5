# SPDX-License-Identifier: GPL-3.0-or-later
"""The module directory: excerpts of Debian's 6.1.0-56-amd64 and 7.3.4+deb13-amd64."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.host.facts import ModuleIndex, ModuleState, Unreadable
from modprobe_ipsec.host.kernel import module_index as modules
from modprobe_ipsec.host.kernel import module_state
from modprobe_ipsec.host.root import Host

from . import DATA


def index(kernel: str) -> tuple[ModuleIndex, list[Unreadable]]:
    gaps: list[Unreadable] = []
    found = modules.read_index(Host(str(DATA / kernel)), gaps)
    assert found is not None
    return found, gaps


def test_aliases_of_6_1() -> None:
    found, gaps = index("6.1")
    assert gaps == []
    assert found.aliases["xfrm-type-2-50"] == ("esp4",)
    assert found.aliases["net-pf-16-proto-6"] == ("xfrm_user",)
    # loadable ones first, built-in code last
    assert found.aliases["crypto-aes"] == ("aesni_intel", "padlock_aes", "aes_generic")
    assert found.aliases["crypto-stdrng"] == ("ansi_cprng", "drbg")
    assert found.aliases["crypto-cbc"] == ("cbc",)
    assert "crypto-nothing" not in found.aliases and "" not in found.aliases
    # all of the kinds that the recorded index has
    assert {"xfrm-type-2-50", "crypto-cbc"} < set(found.aliases)
    assert len(found.aliases) == len(set(found.aliases))
    assert found.cpu_patterns["aesni_intel"] == ("cpu:type:x86,ven*fam*mod*:feature:*0099*",)
    assert "aes_generic" in found.builtin
    assert "esp4" not in found.builtin


def test_files_of_6_1() -> None:
    files = index("6.1")[0].files
    assert files["esp4"].path == "kernel/net/ipv4/esp4.ko"
    assert files["esp4"].deps == ("xfrm_algo",)
    assert files["aesni_intel"].path == "kernel/arch/x86/crypto/aesni-intel.ko"
    assert files["aesni_intel"].deps == ("crypto_simd", "cryptd")
    assert "aesni-intel" not in files
    assert "esp5" not in files
    assert files.get("esp5") is None
    assert len(list(files)) == len(files) == 49


def test_7_3() -> None:
    found, gaps = index("7.3")
    assert gaps == []
    # xz-compressed
    assert found.files["esp6_offload"].path == "kernel/net/ipv6/esp6_offload.ko.xz"
    assert set(found.files["esp6_offload"].deps) == {"esp6", "xfrm_algo"}
    assert found.aliases["crypto-aes"] == ("aesni_intel", "padlock_aes", "aes")
    assert found.aliases["crypto-gcm(aes)"] == ("aes",)


def test_softdeps() -> None:
    softdeps = index("6.1")[0].softdeps
    assert softdeps["ext4"] == (("crypto-crc32c",), ())
    # the first line counts, and words before pre: do not
    assert softdeps["cifs"] == ((), ())
    assert modules.softdep("x pre: a b post: c-d pre: e") == (("a", "b", "e"), ("c-d",))


def test_no_modinfo(tmp_path: Path) -> None:
    tree = tmp_path / "usr/lib/modules/5.4"
    tree.mkdir(parents=True)
    (tree / "modules.dep").write_text("extra/a-b.ko.zst: extra/c.ko.gz\nextra/c.ko.gz:\n")
    host, gaps = Host(str(tmp_path)), list[Unreadable]()
    found = modules.read_index(host, gaps)
    assert found is not None
    assert (host.release, host.module_directory) == ("5.4", "usr/lib/modules/5.4")
    assert found.files["a_b"].deps == ("c",)
    assert {gap.path.rpartition("/")[2] for gap in gaps} == {
        "modules.builtin.modinfo", "modules.alias", "modules.builtin", "modules.softdep",
    }  # fmt: skip


def test_no_tree(tmp_path: Path) -> None:
    gaps: list[Unreadable] = []
    assert modules.read_index(Host(str(tmp_path), "6.1"), gaps) is None
    assert gaps == [Unreadable("lib/modules/6.1", "no modules of this kernel", missing=True)]


PROC_MODULES = """\
esp4 24576 1 - Live 0x0000000000000000
aesni_intel 393216 0 - Live 0xffffffffc0a1b000 (E)
gcm 16384 2 esp4,xfrm_user, Loading 0x0000000000000000
old 1 - - Unloading 0x0 (OE-)
broken
"""


def sysfs(root: Path, **initstate: str | None) -> None:
    for name, state in initstate.items():
        (root / "sys/module" / name).mkdir(parents=True)
        if state is not None:
            (root / "sys/module" / name / "initstate").write_text(state)


def test_states(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/modules").write_text(PROC_MODULES)
    sysfs(tmp_path, esp4="live\n", cryptomgr=None, late="coming\n", odd="?")
    gaps: list[Unreadable] = []
    assert module_state.read_states(Host(str(tmp_path), "6.1"), gaps) == {
        "esp4": ModuleState.LIVE,
        "aesni_intel": ModuleState.LIVE,
        "gcm": ModuleState.COMING,
        "old": ModuleState.GOING,
        "late": ModuleState.COMING,
        "cryptomgr": ModuleState.BUILTIN,
    }
    assert gaps == []


@pytest.mark.parametrize("initstate", [None, "live\n"])
def test_states_without_proc_modules(tmp_path: Path, initstate: str | None) -> None:
    sysfs(tmp_path, esp4=initstate)
    gaps: list[Unreadable] = []
    states = module_state.read_states(Host(str(tmp_path), "6.1"), gaps)
    # a kernel without modules has /sys/module all the same
    assert states == (None if initstate is None else {"esp4": ModuleState.LIVE})
    assert [gap.path for gap in gaps] == ["proc/modules"]


def test_states_of_an_empty_list(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/modules").write_text("")
    gaps: list[Unreadable] = []
    assert module_state.read_states(Host(str(tmp_path), "6.1"), gaps) == {}
    assert [gap.path for gap in gaps] == ["sys/module"]


_WORDS = st.sampled_from(
    ["alias ", "crypto-a", "cpu:type:x", "net-pf-1", " ", "\n", "\0", "a.alias=", ".ko", ":", "/",
     "softdep ", "pre:", "post:", "[", "]", "-", "Live", "\r", "\u2028"]
)  # fmt: skip
GARBAGE = st.one_of(st.text(), st.lists(_WORDS, max_size=80).map("".join))


@given(GARBAGE)
def test_garbage(text: str) -> None:
    data = text.encode("utf-8", "replace")
    aliases = modules.ModuleAliases(data, data)
    assert all(aliases[alias] for alias in aliases)
    assert "crypto-a" not in aliases or "crypto-a" in set(aliases)
    modules.parse_builtin(text, text)
    modules.parse_softdeps(text)
    modules.softdep(text)
    module_state.parse_states(text)
    files = modules.ModuleFilePaths(text)
    assert all(files[name].name == name for name in files)
