# SPDX-License-Identifier: GPL-3.0-or-later
"""strongSwan on a recorded host, from its files to the exit status."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modprobe_ipsec.commands.main import main
from tests.hosts import tree

MLKEM = """connections { x { remote_addrs = 192.0.2.1
 local { auth = psk }
 children { c { esp_proposals = aes256gcm16-x25519-ke1_mlkem768 } } } }
"""
PLAIN = MLKEM.replace("-x25519-ke1_mlkem768", "")
STRICT = "conn a\n\tauto=add\n\tright=192.0.2.1\n\tesp=aes128-sha256!\n"
SWANCTL = "etc/swanctl/swanctl.conf"
DPKG = "var/lib/dpkg/status"
CHARON = "usr/sbin/charon-systemd"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tree.assemble("booted-6.12", tmp_path / "root")


def check(
    root: Path, files: Mapping[str, str], capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, Any]:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    code = main(["--check", "--root", str(root), "--format", "json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def package(version: str) -> str:
    return f"Package: libstrongswan\nStatus: install ok installed\nVersion: {version}\n\n"


def labels(document: Any) -> set[str]:
    return {need["need"] for need in document["needs"]}


def test_the_release_of_the_package(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {SWANCTL: MLKEM, CHARON: "", DPKG: package("5.9.8-5+deb12u1")}
    code, document = check(root, files, capsys, "--strict")
    (problem,) = document["problems"]
    assert problem["connection"] == "x"
    assert "strongSwan 5.9.8 does not know `ke1_mlkem768` (since 6.0.0)" in problem["text"]
    assert not any(label.startswith("ESP") for label in labels(document))
    assert code == 3
    files[DPKG] = package("6.0.1-6")
    _, document = check(root, files, capsys)
    assert document["problems"] == []
    assert "ESP IPv4 AES_GCM_16_256" in labels(document)


@pytest.mark.parametrize(
    ("database", "text"),
    [
        (DPKG, package("5.9.8-5+deb12u1")),
        ("lib/apk/db/installed", "C:Q1x\nP:strongswan\nV:5.9.8-r0\n\n"),
        ("usr/lib/opkg/status", "Package: strongswan\nVersion: 5.9.8-3\n\n"),
        ("var/lib/pacman/local/strongswan-5.9.8-1/desc", "%NAME%\nstrongswan\n"),
        ("usr/lib/ipsec/charon", "\x7fELF\0Starting IKE charon daemon (strongSwan 5.9.8, %s %s)\0"),
        (CHARON, "\x7fELF\0Starting charon-systemd IKE daemon (strongSwan 5.9.8, %s %s)\0"),
        (CHARON, "\x7fELF\0STATUS=Starting charon-systemd, strongSwan %s\x005.9.8\x00x\0"),
        ("usr/sbin/strongswan", '#!/bin/sh\nIPSEC_VERSION="U5.9.8/K`uname -r`"\n'),
    ],
)
def test_who_tells_the_release(
    root: Path, capsys: pytest.CaptureFixture[str], database: str, text: str
) -> None:
    _, document = check(root, {SWANCTL: MLKEM, CHARON: "", database: text}, capsys)
    (problem,) = document["problems"]
    assert problem["text"].startswith("strongSwan 5.9.8 does not know `ke1_mlkem768`")
    text = text.replace("5.9.8", "6.0.3")
    if "pacman" in database:
        (root / database).unlink()
        (root / database).parent.rmdir()
        database = database.replace("5.9.8", "6.0.3")
    _, document = check(root, {database: text}, capsys)
    assert document["problems"] == []


@pytest.mark.parametrize(
    "files",
    [
        {},
        {DPKG: package("5.9.x")},
        {"usr/lib/ipsec/charon": "daemon (strongSwan "},
        {CHARON: "\x7fELF\x005.9.8\x006.0.1\0"},
        {DPKG: package("5.9.8-5").replace("install ok installed", "deinstall ok config-files")},
        {"var/lib/pacman/local/strongswan-nm-5.9.8-1/desc": ""},
        {"var/lib/pacman/local": "no directory"},
    ],
)
def test_nobody_tells_the_release(
    root: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str]
) -> None:
    code, document = check(root, {SWANCTL: MLKEM, CHARON: "", **files}, capsys)
    (problem,) = document["problems"]
    assert problem["connection"] is None
    assert "came with strongSwan 6.0.0" in problem["text"]
    assert code == 1
    assert "ESP IPv4 AES_GCM_16_256" in labels(document)


@pytest.mark.parametrize(("release", "lost"), [("5.9.8", True), ("6.0.1", False)])
def test_the_release_that_is_said(
    root: Path, capsys: pytest.CaptureFixture[str], release: str, lost: bool
) -> None:
    files = {SWANCTL: MLKEM, CHARON: ""}
    _, document = check(root, files, capsys, "--daemon", f"strongswan={release}")
    assert bool(document["problems"]) is lost
    assert any(label.startswith("ESP") for label in labels(document)) is not lost


def test_libipsec_needs_tun_and_no_xfrm(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = "charon {\n load = nonce kernel-libipsec kernel-netlink socket-default vici\n}\n"
    files = {SWANCTL: PLAIN, CHARON: "", "etc/strongswan.conf": conf}
    _, document = check(root, files, capsys)
    assert labels(document) == {"tun"}


def test_pf_key_needs_no_xfrm_socket(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = "charon {\n load = nonce stroke kernel-pfkey kernel-netlink socket-default\n}\n"
    programs = dict.fromkeys(("usr/lib/ipsec/starter", "usr/lib/ipsec/charon"), "")
    files = {"etc/ipsec.conf": STRICT, "etc/strongswan.conf": conf, **programs}
    _, document = check(root, files, capsys)
    by_pf_key = "ESP IPv4 AES_CBC_128 HMAC_SHA2_256_128 by PF_KEY"
    assert labels(document) == {by_pf_key, "af_key"}
    assert document["problems"] == []


def test_a_database_makes_it_unknown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = """charon {
      load = nonce sqlite sql ha kernel-netlink socket-default vici
      plugins {
        sql { database = sqlite:///etc/db.d/ipsec.db }
        ha { local = 10.1.0.1
          remote = 10.1.0.2
          secret = s3cret } } }
    """
    files = {SWANCTL: "include conf.d/*.conf\n", CHARON: "", "etc/strongswan.conf": conf}
    code, document = check(root, files, capsys)
    assert code == 3
    (problem,) = document["problems"]
    assert "the database sqlite://... (plugin sql)" in problem["text"]
    assert "ESP IPv4 transport AES_GCM_16_256" in labels(document)
    assert "s3cret" not in json.dumps(document)


def test_programs_in_usr_lib_strongswan(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conn = "conn %default\n esp=chacha20poly1305,aes128-sha1!\nconn a\n right=%any\n auto=add\n"
    names = ("usr/sbin/swanctl", "usr/lib/strongswan/starter", "usr/lib/strongswan/charon")
    files = {"etc/ipsec.conf": conn, "etc/os-release": "ID=alpine\n", **dict.fromkeys(names, "")}
    _, document = check(root, files, capsys)
    assert {label for label in labels(document) if label.startswith("ESP")} == {
        f"ESP {family} {suite}"
        for family in ("IPv4", "IPv6")
        for suite in ("CHACHA20_POLY1305", "AES_CBC_128 HMAC_SHA1_96")
    }
