# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules elsewhere than Debian has them: flat and without an index (OpenWrt), on NixOS."""

import json
import shutil
from pathlib import Path

import pytest

from modprobe_ipsec.catalog.reach import Reach
from modprobe_ipsec.commands.main import main
from modprobe_ipsec.host import record
from modprobe_ipsec.host.facts import ModuleFile, Unreadable
from modprobe_ipsec.host.gather import gather
from modprobe_ipsec.host.kernel import module_index
from modprobe_ipsec.host.kernel.module_file import stand_in
from modprobe_ipsec.host.root import Host
from tests.hosts import tree
from tests.shipped import CATALOG

RELEASE = "6.12.74"
# What a file says of itself in its section .modinfo: aliases and dependencies.
MODULES = {
    "esp4": (["xfrm-type-2-50"], ["xfrm_algo"]),
    "xfrm_algo": ([], []),
    "xfrm_user": (["net-pf-16-proto-6"], ["xfrm_algo"]),
    "authenc": (["crypto-authenc"], []),
    "cbc": (["crypto-cbc"], []),
    "crypto_hash": ([], []),
    "echainiv": (["crypto-echainiv"], ["geniv"]),
    "geniv": ([], ["rng"]),
    "rng": ([], []),
    "hmac": (["crypto-hmac"], []),
    "sha256_generic": (["crypto-sha256", "crypto-sha256-generic"], []),
    "aes-generic": (["crypto-aes", "crypto-aes-generic"], []),
    "drbg": (["crypto-stdrng"], ["rng"]),
    "sha512_generic": (["crypto-sha512"], []),
}
ASKED = ("--esp", "aes256-sha256", "--daemon", "strongswan", "-4", "--format", "json")


def openwrt(root: Path, loaded: set[str]) -> Path:
    """Its tree, as `opkg` leaves it."""
    directory = root / "lib/modules" / RELEASE
    directory.mkdir(parents=True)
    for name, (aliases, depends) in MODULES.items():
        body = ModuleFile("", vermagic=f"{RELEASE} SMP mod_unload", signed=False)
        words = [*(f"alias={alias}" for alias in aliases), f"depends={','.join(depends)}"]
        data = stand_in(body, b"".join(b"\0" + word.encode() for word in words))
        assert data
        (directory / f"{name}.ko").write_bytes(data)
    proc = root / "proc/sys/kernel"
    proc.mkdir(parents=True)
    (proc / "osrelease").write_text(f"{RELEASE}\n")
    (proc / "modprobe").write_text("/sbin/modprobe\n")
    (root / "sbin").mkdir()
    (root / "sbin/modprobe").touch()
    (root / "proc/crypto").write_text("")
    lines = (f"{name.replace('-', '_')} 1 0 - Live 0x0\n" for name in MODULES if name in loaded)
    (root / "proc/modules").write_text("".join(lines))
    (root / "etc").mkdir()
    (root / "etc/os-release").write_text('ID="openwrt"\n')
    return root


def check(capsys: pytest.CaptureFixture[str], root: Path, *words: str) -> tuple[int, list[str]]:
    code = main(["--check", "--root", str(root), *words])
    needs = json.loads(capsys.readouterr().out)["needs"]
    return code, [need["verdict"] for need in needs]


def test_what_lies_there_is_loadable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = openwrt(tmp_path / "a", set(MODULES) - {"esp4", "echainiv"})
    assert check(capsys, root, *ASKED) == (1, ["loadable"])
    # and so says the record of it
    assert main(["--record", str(tmp_path / "copy"), "--root", str(root), *ASKED[:-2]]) == 0
    capsys.readouterr()
    assert check(capsys, tmp_path / "copy", "--format", "json") == (1, ["loadable"])
    # with all of them loaded there is nothing left
    root = openwrt(tmp_path / "b", set(MODULES))
    assert check(capsys, root, *ASKED) == (0, ["ready"])


def test_what_does_not_lie_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = openwrt(tmp_path, set(MODULES) - {"esp4"})
    (root / "lib/modules" / RELEASE / "esp4.ko").unlink()
    code, verdicts = check(capsys, root, *ASKED)
    assert code in (2, 3) and verdicts[0] in ("missing", "unknown")
    # there is no depmod; the package has it
    main(["--check", "--root", str(root), *ASKED])
    (need,) = json.loads(capsys.readouterr().out)["needs"]
    remedies = {reason["remedy"] for reason in need["reasons"]}
    assert remedies == {"opkg install kmod-ipsec4, or apk add kmod-ipsec4"}


def test_dependencies_and_aliases_are_read_of_the_files(tmp_path: Path) -> None:
    gaps: list[Unreadable] = []
    index = module_index.read_index(Host(str(openwrt(tmp_path, set()))), gaps)
    assert index
    assert index.files["echainiv"].deps == ("geniv", "rng")
    assert index.files["aes_generic"].path == "aes-generic.ko"
    assert index.aliases["crypto-aes"] == ("aes_generic",)
    assert not index.lacks


def test_files_of_garbage_cost_nothing_but_themselves(tmp_path: Path) -> None:
    root = openwrt(tmp_path, set())
    directory = root / "lib/modules" / RELEASE
    (directory / "loop.ko").write_bytes(b"\0depends=esp4,loop\0alias=crypto-loop\0")
    (directory / "xfrm_algo.ko").write_bytes(b"\0depends=esp4,../../evil\0alias=a b\0alias=\xff\0")
    (directory / "none.ko").mkdir()
    index = module_index.read_index(Host(str(root)), [])
    assert index
    assert index.files["loop"].deps[0] == "esp4"
    assert all(name.isprintable() for name in index.aliases)


@pytest.mark.parametrize(
    "place", ["usr/lib/modules", "run/booted-system/kernel-modules/lib/modules"]
)
def test_other_directories(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """NixOS has no /lib/modules at all: what it booted lies in its store, behind links."""
    root = tree.assemble("booted-6.12", tmp_path / "root")
    before = check(capsys, root, "--esp", "aes256gcm16", "--format", "json")
    store = root / "nix/store/kernel-modules"
    store.parent.mkdir(parents=True)
    shutil.move(root / "lib/modules", store)
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).symlink_to("/nix/store/kernel-modules")
    assert check(capsys, root, "--esp", "aes256gcm16", "--format", "json") == before


@pytest.mark.parametrize(
    ("files", "may_come"),
    [
        ({}, True),
        ({"proc/modules": "ipv6 1 0 - Live 0x0\n"}, False),
        ({"proc/cmdline": "quiet ipv6.disable=1\n"}, False),
        ({"etc/modprobe.d/a.conf": "options ipv6 disable=1\n"}, False),
        ({"etc/modprobe.d/a.conf": "install ipv6 /bin/true\n"}, False),
        ({"etc/modprobe.d/a.conf": "options ipv6 disable_ipv6=1\n"}, True),
        ({f"lib/modules/{RELEASE}/ipv6.ko": ""}, False),
    ],
)
def test_ipv6_that_is_not_loaded_yet(files: dict[str, str], may_come: bool, tmp_path: Path) -> None:
    """Alpine and OpenWrt have it as a module: the first socket loads it."""
    root = openwrt(tmp_path / "root", set())
    (root / "proc/sys/net/ipv4").mkdir(parents=True)
    (root / "lib/modules" / RELEASE / "ipv6.ko").write_bytes(b"\0alias=net-pf-10\0depends=\0")
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if text:
            (root / path).write_text(text)
        else:
            (root / path).unlink()
    host = Host(str(root))
    facts = gather(host)
    assert facts.ipv6 is may_come
    copy = tmp_path / "copy"
    for path, data in record.files(host, facts, Reach(CATALOG)):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(data)
    assert gather(Host(str(copy))).ipv6 is may_come
