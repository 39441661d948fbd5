# SPDX-License-Identifier: GPL-3.0-or-later
"""Where daemons and their files lie, from distribution to distribution; nothing is overlooked."""

from pathlib import Path

import pytest

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.daemons import installed
from modprobe_ipsec.daemons.selection import Demand, Query, select
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.needs.need import Need
from tests.shipped import CATALOG, daemon_tree

STARTER = """\
conn %default
\tkeyexchange=ikev2
\tesp=chacha20poly1305,aes128-sha1!
conn roadwarrior
\tleft=%any
\tright=%any
\tauto=add
"""
PLUTO = "conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauto=add\n\tesp=aes_ctr128-sha1\n"
SWANCTL = "connections { a { children { b { esp_proposals = aes192gcm16 } } } }\n"
ASKED = {
    STARTER: {"CHACHA20_POLY1305", "AES_CBC"},
    PLUTO: {"AES_CTR"},
    SWANCTL: {"AES_GCM_16"},
}


def wanted(root: Path, files: dict[str, str]) -> Demand:
    for path, text in {"lib/modules/6.12.0/modules.dep": "", **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    query = Query(
        esp=(),
        ah=(),
        ipcomp=False,
        everything=False,
        config="",
        daemon=None,
        release=None,
        families=(Family.IPV4,),
        fips=False,
    )
    return select(query, Host(str(root)), CATALOG, daemon_tree)


def transforms(demand: Demand, config: str) -> set[str]:
    """Ciphers that come from a file."""
    return {
        need.suite.encryption.transform.name
        for need in demand.needs
        if isinstance(need, Need) and need.suite.encryption
        for source in need.sources
        if source.where.startswith(config)
    }


@pytest.mark.parametrize(
    ("program", "config", "text"),
    [
        # Alpine, Arch Linux
        ("usr/lib/strongswan/starter", "/etc/ipsec.conf", STARTER),
        # Debian, upstream, Fedora
        ("usr/lib/ipsec/starter", "/etc/ipsec.conf", STARTER),
        ("usr/libexec/ipsec/starter", "/etc/ipsec.conf", STARTER),
        ("usr/libexec/strongswan/starter", "/etc/strongswan/ipsec.conf", STARTER),
        # built from source
        ("usr/local/libexec/ipsec/starter", "/usr/local/etc/ipsec.conf", STARTER),
        ("usr/local/sbin/swanctl", "/usr/local/etc/swanctl/swanctl.conf", SWANCTL),
        ("usr/local/libexec/ipsec/pluto", "/etc/ipsec.conf", PLUTO),
        # NixOS
        ("run/current-system/sw/bin/swanctl", "/etc/swanctl/swanctl.conf", SWANCTL),
        ("run/current-system/sw/libexec/ipsec/pluto", "/etc/ipsec.conf", PLUTO),
        ("usr/lib/ipsec/pluto", "/etc/ipsec.conf", PLUTO),
    ],
)
def test_found_wherever_it_lies(tmp_path: Path, program: str, config: str, text: str) -> None:
    demand = wanted(tmp_path, {program: "", config[1:]: text})
    assert demand.configs == (config,)
    # that nobody knows the release may be one
    assert not any(problem.conn or problem.unread for problem in demand.problems)
    assert transforms(demand, config) == ASKED[text]


STORE = "nix/store/0a1b-strongswan-6.0.1/sbin/charon-systemd"
OPT = "opt/ike/sbin/charon-systemd"
UNITS = "usr/lib/systemd/system"


@pytest.mark.parametrize(
    ("unit", "start", "program", "said", "release"),
    [
        (
            "etc/systemd/system/strongswan-swanctl.service",
            "ExecStart=/{}",
            STORE,
            "daemon (strongSwan 6.0.1, %s",
            (6, 0, 1),
        ),
        (f"{UNITS}/strongswan.service", "ExecStart = -/{} -d", OPT, "\x005.9.8\0", (5, 9, 8)),
    ],
)
def test_a_unit_says_where_it_lies(
    tmp_path: Path, unit: str, start: str, program: str, said: str, release: tuple[int, ...]
) -> None:
    files = {
        unit: f"[Service]\n{start.format(program)}\n",
        program: f"\x7fELF\0{said}",
        "etc/swanctl/swanctl.conf": SWANCTL,
    }
    demand = wanted(tmp_path, files)
    assert transforms(demand, "/etc/swanctl/swanctl.conf") == ASKED[SWANCTL]
    there = installed.read(Host(str(tmp_path)))
    assert there.releases["strongswan"] == release
    assert there.told_by["strongswan"] == f"/{program}"


@pytest.mark.parametrize("line", ["ExecStart=/nowhere/charon-systemd", "ExecStart=", "Exec=/bin"])
def test_a_unit_of_another_program_says_nothing(tmp_path: Path, line: str) -> None:
    files = {f"{UNITS}/strongswan.service": line, "etc/swanctl/swanctl.conf": SWANCTL}
    assert wanted(tmp_path, files).configs == ()


def test_a_file_without_its_daemon_is_named_and_leaves_all_unknown(tmp_path: Path) -> None:
    demand = wanted(tmp_path, {"etc/ipsec.conf": STARTER})
    assert demand.configs == ()
    (problem,) = demand.problems
    assert str(problem.place) == "/etc/ipsec.conf:1"
    assert problem.text == (
        "is not read: no program of libreswan or strongSwan is found that would read it; if there "
        "is one, say --config /etc/ipsec.conf"
    )
    assert problem.unread
    # what both offer by themselves
    assert {source.daemon for need in demand.needs for source in need.sources} == {
        "libreswan",
        "strongswan",
    }


def test_a_file_that_another_daemon_left_behind_is_only_named(tmp_path: Path) -> None:
    demand = wanted(
        tmp_path,
        {
            "usr/sbin/swanctl": "",
            "etc/swanctl/swanctl.conf": SWANCTL,
            "etc/ipsec.conf": PLUTO,
        },
    )
    assert demand.configs == ("/etc/swanctl/swanctl.conf",)
    (problem,) = demand.problems
    assert "no program of libreswan or strongSwan is found" in problem.text
    assert not problem.unread
