# SPDX-License-Identifier: GPL-3.0-or-later
"""The small readers, and all of them together."""

import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.commands.engine import facts_of
from modprobe_ipsec.host.facts import ModuleState, Unreadable
from modprobe_ipsec.host.gather import gather, refresh
from modprobe_ipsec.host.kernel import kconfig, sysctl
from modprobe_ipsec.host.kernel import xfrm_proc as witness
from modprobe_ipsec.host.machine import privileges
from modprobe_ipsec.host.root import Host
from tests.shipped import CATALOG

from . import DATA


def write(root: Path, **files: str) -> Host:
    """A host of these files, with __ for a slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Host(str(root), "6.1")


class TestKernelConfig:
    def test_debian(self) -> None:
        config = kconfig.read(Host(str(DATA / "6.1")), [])
        assert config is not None
        assert config.path == "boot/config-6.1.0-56-amd64"
        assert [config.get(o) for o in ("XFRM", "XFRM_USER", "INET_ESPINTCP", "NONSENSE")] == [
            "y", "m", "n", "n",
        ]  # fmt: skip
        config = kconfig.read(Host(str(DATA / "7.3")), [])
        assert config is not None
        assert config.path == "lib/modules/7.3.4+deb13-amd64/config"
        assert config.get("INET_ESP") == "m"

    def test_the_kernel_itself_comes_first(self, tmp_path: Path) -> None:
        host = write(tmp_path, **{"boot__config-6.1": "CONFIG_XFRM=m\n", "proc__x": ""})
        pack = zlib.compressobj(wbits=31)
        (tmp_path / "proc/config.gz").write_bytes(
            pack.compress(b'CONFIG_XFRM=y\nCONFIG_MODPROBE_PATH="/sbin/modprobe"') + pack.flush()
        )
        config = kconfig.read(host, [])
        assert config is not None
        assert (config.path, config.get("XFRM")) == ("proc/config.gz", "y")
        assert config.get("MODPROBE_PATH") == "/sbin/modprobe"
        # not if it is another kernel's
        write(tmp_path, proc__sys__kernel__osrelease="6.2\n")
        config = kconfig.read(Host(str(tmp_path), "6.1"), [])
        assert config is not None
        assert config.get("XFRM") == "m"

    def test_broken_and_bomb(self, tmp_path: Path) -> None:
        host = write(tmp_path, **{"proc__config.gz": "no gzip"})
        gaps: list[Unreadable] = []
        assert kconfig.read(host, gaps) is None
        assert [gap.why for gap in gaps] == [
            "not gzip data",
            "no configuration file of this kernel",
        ]
        pack = zlib.compressobj(wbits=31)
        bomb = pack.compress(bytes(64 << 20)) + pack.flush()
        (tmp_path / "proc/config.gz").write_bytes(bomb)
        gaps.clear()
        assert kconfig.read(host, gaps) is None
        assert gaps[0].why.startswith("larger than")


STATUS = "Name:\tpython\nCapPrm:\t{caps}\nCapEff:\t{caps}\n"
INITIAL = "         0          0 4294967295\n"


@pytest.mark.parametrize(
    ("caps", "uid_map", "may"),
    [
        ("000001ffffffffff", INITIAL, True),
        ("0000000000001000", INITIAL, False),
        ("0000000000010000", INITIAL, True),
        ("0000000000000000", INITIAL, False),
        # root in a user namespace
        ("000001ffffffffff", "0 1000 1\n", False),
        ("0000000000011000", "0 0 65536\n", False),
        ("junk", INITIAL, False),
        ("000001ffffffffff", "", False),
    ],
)
def test_privileges(caps: str, uid_map: str, may: bool) -> None:
    assert privileges.parse(STATUS.format(caps=caps), uid_map) is may


def test_privileges_over_another_kernel() -> None:
    assert not privileges.may_load(Host("/", "1.0"), [])


def test_switches(tmp_path: Path) -> None:
    host = write(
        tmp_path,
        proc__sys__kernel__modprobe="/sbin/modprobe\n",
        proc__sys__kernel__modules_disabled="1\n",
        proc__sys__crypto__fips_enabled="1\n",
        proc__sys__net__ipv6__x="",
    )
    gaps: list[Unreadable] = []
    assert sysctl.modprobe_path(host, gaps) == "/sbin/modprobe"
    assert sysctl.modules_disabled(host, gaps) is True
    assert sysctl.fips(host, gaps)
    assert sysctl.ipv6(host)
    write(tmp_path, proc__sys__kernel__modprobe="\n")
    assert sysctl.modprobe_path(host, gaps) == ""
    assert gaps == []


def test_no_switches(tmp_path: Path) -> None:
    host, gaps = write(tmp_path, proc__sys__net__ipv4__x=""), list[Unreadable]()
    assert sysctl.modprobe_path(host, gaps) is None
    assert sysctl.modules_disabled(host, gaps) is None
    assert not sysctl.fips(host, gaps)
    assert not sysctl.ipv6(host)
    assert [gap.path for gap in gaps] == [
        "proc/sys/kernel/modprobe",
        "proc/sys/kernel/modules_disabled",
    ]


XFRM_STAT = "XfrmInError             \t0\nXfrmInNoStates          \t12\nXfrmOutError\t0\nbroken\n"
NETLINK = """\
sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000083bb061f 0   0          00000000 0        0        0     2        0        4
0000000049bf7219 6   0          00000000 0        0        0     2        0        403
0000000049bf7210 6   812        00000441 0        0        0     2        0        404
"""


def test_witnesses(tmp_path: Path) -> None:
    host = write(
        tmp_path,
        proc__net__xfrm_stat=XFRM_STAT,
        proc__net__netlink=NETLINK,
        proc__net__pfkey="sk       RefCnt Rmem   Wmem   User   Inode\n",
        proc__sys__net__core__xfrm_acq_expires="30\n",
    )
    assert [(w.path.rpartition("/")[2], w.present, w.shows) for w in witness.read(host)][:4] == [
        ("xfrm_stat", True, "3 counters, XfrmInNoStates 12"),
        ("netlink", True, "NETLINK_XFRM is there, ports 812"),
        ("pfkey", True, "af_key is there, 0 sockets"),
        ("xfrm_acq_expires", True, "acq_expires 30"),
    ]
    for path in ("xfrm_stat", "netlink", "pfkey"):
        (tmp_path / "proc/net" / path).unlink()
    os.mkfifo(tmp_path / "proc/net/pfkey")
    shown = witness.read(host)
    assert [w.present for w in shown] == [False, False, None, True, False, False, False]
    assert all("proves nothing" in w.shows for w in shown if w.present is False)
    assert shown[2].shows == "not a regular file"
    assert witness.netlink(NETLINK.replace(" 6 ", " 4 "))[0] is False


@given(st.text())
def test_garbage(text: str) -> None:
    witness.counters(text)
    witness.netlink(text)
    witness.pfkey(text)
    privileges.parse(text, text)
    privileges.parse("CapEff:" + text, text)


def test_image() -> None:
    """A tree without /proc: nothing about now, everything about what could be."""
    facts = facts_of(Host(str(DATA / "6.1")), CATALOG)
    assert (facts.release, facts.arch) == ("6.1.0-56-amd64", "x86_64")
    unknown = (facts.algorithms, facts.modules, facts.modprobe_path, facts.modules_disabled)
    assert unknown == (None,) * 4
    assert facts.module_index is not None and "esp4" in facts.module_index.files
    assert (facts.fips, facts.ipv6, facts.may_load) == (False, True, False)
    assert {gap.path for gap in facts.unreadable} >= {"proc/crypto", "proc/modules"}
    assert all(gap.missing for gap in facts.unreadable)


def test_live() -> None:
    facts = gather(Host())
    assert facts.release == os.uname().release
    assert facts.arch == os.uname().machine
    assert facts.algorithms
    assert refresh(facts, Host()).algorithms is not None


def test_another_kernel_than_the_running_one() -> None:
    facts = gather(Host("/", "1.2.3"))
    unknown = (facts.algorithms, facts.modules, facts.modprobe_path, facts.modules_disabled)
    assert unknown == (None,) * 4
    assert facts.stack_signs == ()
    assert Unreadable("proc/crypto", "not of kernel 1.2.3") in facts.unreadable


def test_refresh(tmp_path: Path) -> None:
    host = write(tmp_path, proc__crypto=(DATA / "crypto-7.3.txt").read_text())
    before = gather(host)
    assert before.modules is None
    write(tmp_path, proc__modules="esp4 1 0 - Live 0x0\n", proc__crypto="")
    after = refresh(before, host)
    assert after.modules == {"esp4": ModuleState.LIVE}
    assert after.algorithms == ()
    assert "proc/modules" not in {gap.path for gap in after.unreadable}
    assert {g for g in after.unreadable if "modules.dep" in g.path} == {
        g for g in before.unreadable if "modules.dep" in g.path
    }
