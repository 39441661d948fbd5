# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with OpenIKED: what is said of them before anything is loaded."""

import json
from pathlib import Path
from typing import Any

import pytest

from modprobe_ipsec.commands.main import main
from tests.hosts import tree

# What the page of the manual shows, and others, each with what becomes of it on Linux.
CONF = """\
set passive
ikev2 "office" active esp \\
	from 10.1.0.0/24 to 10.2.0.0/24 \\
	local 192.0.2.1 peer 192.0.2.2 \\
	ikesa enc aes-256 prf hmac-sha2-256 auth hmac-sha2-256 group curve25519 \\
	childsa enc aes-256-gcm \\
	psk "secret"
ikev2 "branch" esp from 10.1.0.0/24 to 10.3.0.0/24 peer 192.0.2.3 \\
	childsa enc aes-256 auth hmac-sha2-256 auth hmac-sha2-512 \\
	psk "secret"
ikev2 "phones" passive transport esp from any to any local 2001:db8::1 peer any \\
	childsa enc aes-128-ctr auth hmac-sha1 esn \\
	psk "secret"
ikev2 "v6" passive transport esp from 2001:db8::1 to 2001:db8::2 \\
	childsa enc aes-128-ctr auth hmac-sha1 \\
	psk "secret"
"""
STATUS = "Package: openiked\nStatus: install ok installed\nArchitecture: amd64\nVersion: 7.2-1\n"
NEEDS = [
    "ESP IPv4 AES_CBC_256 HMAC_SHA2_512_256 by PF_KEY",
    "ESP IPv6 transport AES_CTR_128 HMAC_SHA1_96 by PF_KEY",
    "af_key",
]


def host(tmp_path: Path, base: str, **more: str) -> Path:
    """A recorded host with OpenIKED; `more` are other files, `__` for slashes."""
    root = tree.assemble(base, tmp_path / "root")
    files = {"usr/sbin/iked": "", "etc/iked.conf": CONF, "var/lib/dpkg/status": STATUS}
    files |= {path.replace("__", "/"): text for path, text in more.items()}
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def check(capsys: pytest.CaptureFixture[str], root: Path, *more: str) -> tuple[int, Any]:
    code = main(["--check", "--root", str(root), "--format", "json", *more])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("base", ["booted-5.10", "booted-6.1", "booted-7", "booted-7.2"])
def test_what_it_needs_and_why(
    base: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = host(tmp_path, base)
    code, document = check(capsys, root)
    assert (code, document["configs"]) == (1, ["/etc/iked.conf"])
    assert [need["need"] for need in document["needs"]] == NEEDS
    assert {need["verdict"] for need in document["needs"]} == {"loadable"}
    steps = {step["module"]: step for steps in document["plan"] for step in steps}
    assert "every algorithm it has" in steps["af_key"]["why"]
    assert "xfrm_user" not in steps and {"esp4", "esp6", "authenc"} <= steps.keys()
    assert [
        (problem["file"], problem["line"], problem["connection"], problem["costs"])
        for problem in document["problems"]
    ] == [
        ("/etc/iked.conf", 6, "office", "connection"),
        ("/etc/iked.conf", 9, None, "nothing"),
        ("/etc/iked.conf", 12, "phones", "connection"),
    ]
    again, named = check(capsys, root, "--config", "/etc/iked.conf")
    assert again == code
    assert {**named, "time": 0, "duration": 0} == {**document, "time": 0, "duration": 0}


def test_af_key_that_is_forbidden(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = host(
        tmp_path, "booted-7.2", **{"etc__modprobe.d__x.conf": "install af_key /bin/false\n"}
    )
    code, document = check(capsys, root)
    assert code == 2
    assert {need["verdict"] for need in document["needs"]} == {"blocked"}
    symptom = document["needs"][-1]["reasons"][0]["symptom"]
    assert symptom["errno"] == 97
    assert symptom["logs"]["iked"].startswith("pfkey_socket: failed to open PF_KEY socket")


def test_a_log_line_is_of_those_who_go_that_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = host(tmp_path, "booted-6.1", **{"etc__modprobe.d__x.conf": "install esp4 /bin/false\n"})
    _, document = check(capsys, root)
    assert list(document["needs"][0]["reasons"][0]["symptom"]["logs"]) == ["iked"]
    _, document = check(capsys, root, "--esp", "aes128-sha1", "-4")
    assert "iked" not in document["needs"][0]["reasons"][0]["symptom"]["logs"]


def test_a_host_plan_says_which_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simple = 'ikev2 "v6" transport from ::1 to ::2 childsa enc aes-128-ctr auth hmac-sha1\n'
    root = host(tmp_path, "booted-6.1", **{"etc__iked.conf": simple})
    assert main(["--manifest", "yaml", "--root", str(root)]) == 0
    plan = tmp_path / "plan.yaml"
    plan.write_text(capsys.readouterr().out)
    assert "interface: pf_key" in plan.read_text() and "name: af_key" in plan.read_text()
    _, document = check(capsys, root, "--apply", str(plan))
    assert [need["need"] for need in document["needs"]] == NEEDS[1:]


def test_nothing_installed_asks_for_no_pf_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, document = check(capsys, tree.assemble("booted-6.1", tmp_path / "root"))
    assert not any("PF_KEY" in need["need"] for need in document["needs"])
    assert "iked" not in {s["daemon"] for need in document["needs"] for s in need["sources"]}
