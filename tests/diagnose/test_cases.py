# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that people had, each with the right answer; and the same a little otherwise."""

import json
from pathlib import Path
from typing import Any

import pytest

from modprobe_ipsec.commands.main import main
from modprobe_ipsec.diagnose.packages import packages_for
from modprobe_ipsec.host.facts import Environment
from tests.facts import facts
from tests.hosts import tree
from tests.shipped import CATALOG

GCM = ("--esp", "aes256gcm16", "-4")
CONFIG = "boot/config-6.12.117+deb13-amd64"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Debian 13, freshly booted."""
    return tree.assemble("booted-6.12", tmp_path / "root")


def lay(root: Path, **files: str) -> None:
    for path, text in files.items():
        place = root / path.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def check(
    capsys: pytest.CaptureFixture[str], root: Path, *arguments: str
) -> tuple[int, dict[str, Any]]:
    code = main(["--check", "--root", str(root), "--format", "json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def need(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (need for need in document["needs"] if need["need"] == name)
    return dict(found)


@pytest.mark.parametrize("autoload", [True, False])
def test_af_key_is_loaded_where_a_daemon_has_no_other_way(
    root: Path, capsys: pytest.CaptureFixture[str], autoload: bool
) -> None:
    plugins = "random nonce openssl pem stroke kernel-pfkey kernel-netlink socket-default"
    esp = "esp=aes128-sha256!"
    lay(
        root,
        **{
            "etc/ipsec.conf": f"conn a\n\tauto=add\n\tright=192.0.2.1\n\t{esp}\n",
            "etc/strongswan.conf": f"charon {{\n  load = {plugins}\n}}\n",
            "usr/lib/ipsec/starter": "",
            "usr/lib/ipsec/charon": "",
        },
    )
    if not autoload:
        lay(root, **{"proc/sys/kernel/modprobe": "\n"})
    code, document = check(capsys, root)
    assert code == 1
    found = need(document, "af_key")
    assert found["verdict"] == "loadable"
    (reason,) = found["reasons"]
    assert ("the kernel loads what it needs when asked" in reason["text"]) is autoload
    assert "no other way to the kernel" in reason["text"]
    step = next(step for steps in document["plan"] for step in steps if step["module"] == "af_key")
    assert "which loads every algorithm it has" in step["why"]
    sa = need(document, "ESP IPv4 AES_CBC_128 HMAC_SHA2_256_128 by PF_KEY")
    assert sa["interface"] == "pf_key"
    requests = [request["request"] for request in sa["requests"]]
    assert requests[0] == "net-pf-15" and "net-pf-16-proto-6" not in requests


def test_nobody_else_gets_af_key(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, document = check(capsys, root, "--all")
    assert "af_key" not in {step["module"] for steps in document["plan"] for step in steps}


def test_a_module_that_we_never_load_serves_where_it_is_live(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(
        root,
        **{
            "etc/ipsec.conf": "conn a\n\tauto=add\n\tright=192.0.2.1\n",
            "etc/strongswan.conf": "charon {\n  load = openssl kernel-pfkey kernel-netlink\n}\n",
            "usr/lib/ipsec/starter": "",
            "usr/lib/ipsec/charon": "",
            "proc/modules": "af_key 1 0 - Live 0x0\n",
        },
    )
    _, document = check(capsys, root)
    assert need(document, "af_key")["verdict"] == "ready"


def test_a_driver_that_a_feature_names_is_loadable(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(
        root,
        **{
            "etc/swanctl/swanctl.conf": "connections {\n a {\n  remote_addrs = 192.0.2.1\n"
            "  local { auth = psk }\n  remote { auth = psk }\n"
            "  children { a { esp_proposals = aes256gcm16 } }\n }\n}\n",
            "etc/strongswan.conf": "charon { load = random nonce openssl pem kernel-libipsec "
            "kernel-netlink socket-default vici\n}\n",
            "usr/sbin/charon-systemd": "",
        },
    )
    code, document = check(capsys, root)
    assert code == 1
    assert need(document, "tun")["verdict"] == "loadable"
    assert "tun" in {step["module"] for steps in document["plan"] for step in steps}


MODULES = """xfrm_user 61440 1 - Live 0x0
xfrm_algo 16384 2 esp4,xfrm_user, Live 0x0
esp4 28672 1 - Loading 0x0
seqiv 12288 0 - Live 0x0
geniv 12288 1 seqiv, Live 0x0
crypto_null 16384 1 seqiv, Live 0x0
aesni_intel 122880 0 - Live 0x0
cryptd 28672 1 aesni_intel, Live 0x0
crypto_simd 16384 1 aesni_intel, Live 0x0
gf128mul 12288 1 aesni_intel, Live 0x0
"""
RECORD = """
name         : rfc4106(gcm(aes))
driver       : rfc4106-gcm-aesni
module       : aesni_intel
priority     : 400
refcnt       : 1
selftest     : passed
internal     : no
type         : aead
async        : no
blocksize    : 1
ivsize       : 8
maxauthsize  : 16
geniv        : <none>
"""


@pytest.mark.parametrize("word", ["Loading", "Live", "Unloading"])
@pytest.mark.parametrize("forbidden", [False, True])
def test_a_module_on_its_way_in_is_not_there_yet(
    root: Path, capsys: pytest.CaptureFixture[str], word: str, forbidden: bool
) -> None:
    lay(root, **{"proc/modules": MODULES.replace("Loading", word)})
    crypto = root / "proc/crypto"
    crypto.write_text(crypto.read_text().rstrip("\n") + "\n" + RECORD)
    if forbidden:
        # nothing keeps out what is on its way in
        lay(root, **{"etc/modprobe.d/x.conf": "install esp4 /bin/false\n"})
    code, document = check(capsys, root, *GCM)
    (found,) = document["needs"]
    if word == "Live":
        assert (code, found["verdict"]) == (0, "ready")
    elif word == "Loading":
        assert (code, found["verdict"]) == (1, "loadable")
        assert "esp4 is still being loaded" in found["reasons"][0]["text"]
    else:
        assert found["verdict"] == ("blocked" if forbidden else "loadable")


@pytest.mark.parametrize(
    ("path", "there", "works", "words"),
    [
        ("", False, False, "runs no program"),
        ("/sbin/usermode-helper", False, False, "there is no such program"),
        ("/sbin/usermode-helper", True, None, "only that program decides"),
    ],
)
def test_a_kernel_that_runs_one_program_for_all(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    path: str,
    there: bool,
    works: bool | None,
    words: str,
) -> None:
    with (root / CONFIG).open("a") as config:
        config.write("CONFIG_STATIC_USERMODEHELPER=y\n")
        config.write(f'CONFIG_STATIC_USERMODEHELPER_PATH="{path}"\n')
    if there:
        lay(root, **{path[1:]: ""})
    code, document = check(capsys, root, *GCM)
    assert code == 1
    (found,) = document["needs"]
    asked = [r["autoload"] for r in found["requests"] if r["autoload"] and not r["accelerator"]]
    assert asked and all(autoload["works"] is works for autoload in asked)
    assert words in found["reasons"][0]["text"]
    assert main(["--manifest", "kubernetes", "--root", str(root), *GCM]) == 0
    assert "esp4" in capsys.readouterr().out


def test_all_lines_that_block_a_module_are_named(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(
        root,
        **{
            "etc/modprobe.d/disable-dirtyfrag.conf": "install esp4 /bin/false\nblacklist esp4\n",
            "etc/modprobe.d/more.conf": "install xfrm_algo /bin/true\n",
        },
    )
    code, document = check(capsys, root, *GCM)
    assert code == 2
    reasons = document["needs"][0]["reasons"]
    found = [reason["obstacle"] for reason in reasons if reason["obstacle"]]
    where = {f"{obstacle['file']}:{obstacle['line']}" for obstacle in found}
    file = "/etc/modprobe.d/disable-dirtyfrag.conf"
    assert where >= {f"{file}:1", f"{file}:2", "/etc/modprobe.d/more.conf:1"}
    assert any(f"{file}:1,2" in reason["remedy"] for reason in reasons)
    assert any("remove these lines; this tool never overrides them" in r["remedy"] for r in reasons)


@pytest.mark.parametrize(
    ("distribution", "release", "command"),
    [
        ("debian", "6.1.0-56-amd64", "apt install linux-image-6.1.0-56-amd64"),
        ("debian", "6.12.117+deb13-amd64", "apt install linux-image-6.12.117+deb13-amd64"),
        ("debian", "7.2.13+deb14-amd64", "apt install linux-modules-7.2.13+deb14-amd64"),
        ("debian", "6.8.12-9-pve", "apt install proxmox-kernel-6.8.12-9-pve-signed"),
        ("debian", "5.15.158-2-pve", "apt install pve-kernel-5.15.158-2-pve"),
        ("debian", "6.1.15-1-pve", "apt install pve-kernel-6.1.15-1-pve"),
        ("debian", "6.2.16-20-pve", ""),
        ("debian", "6.11.0-1-pve", "apt install proxmox-kernel-6.11.0-1-pve-signed"),
        ("raspbian debian", "5.10.60-v7l+", "apt install raspberrypi-kernel"),
        ("debian", "6.6.31+rpt-rpi-v8", "apt install linux-image-6.6.31+rpt-rpi-v8"),
        ("debian", "6.9.3-x64v3-xanmod1", ""),
        ("ubuntu debian", "6.8.0-45-generic", "apt install linux-modules-{}"),
        ("fedora", "6.11.4-301.fc41.x86_64", "dnf install kernel-modules-{}"),
        (
            "rhel fedora",
            "5.14.0-503.el9.x86_64",
            "dnf install kernel-modules-{}",
        ),
        (
            "ol fedora rhel",
            "5.15.0-300.el9uek.x86_64",
            "dnf install kernel-uek-{}",
        ),
        ("fedora", "6.1.0-amzn2023.x86_64", ""),
    ],
)
def test_a_remedy_names_a_package_that_exists(
    distribution: str, release: str, command: str
) -> None:
    around = Environment(distribution=tuple(distribution.split()))
    host = facts(release=release, environment=lambda: around)
    assert packages_for(host, CATALOG).all_modules == command.format(release)


@pytest.mark.parametrize("distribution", ["ubuntu", "debian", "arch"])
def test_the_kernel_of_wsl_comes_from_windows(distribution: str) -> None:
    around = Environment(distribution=(distribution,))
    host = facts(release="5.15.167.4-microsoft-standard-WSL2", environment=lambda: around)
    assert packages_for(host, CATALOG).all_modules.startswith("wsl --update")


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ("6.8.0-45-generic", "apt install linux-modules-extra-6.8.0-45-generic"),
        ("6.12.117+deb13-amd64", ""),
    ],
)
def test_what_lies_in_another_package_of_the_same_kernel(release: str, command: str) -> None:
    around = Environment(distribution=("ubuntu", "debian"))
    assert (
        packages_for(facts(release=release, environment=lambda: around), CATALOG).others == command
    )


@pytest.mark.parametrize(
    ("running", "others", "best"),
    [
        ("6.1.0-9-amd64", ("6.1.0-10-amd64", "6.1.0-8-amd64"), "6.1.0-10-amd64"),
        ("6.1.0-9-amd64", ("6.1.0-10-cloud-amd64", "6.1.0-8-amd64"), "6.1.0-8-amd64"),
        ("6.11.4-301.fc41.x86_64", ("6.11.10-300.fc41.x86_64",), "6.11.10-300.fc41.x86_64"),
        ("6.1.0-9-amd64", ("6.1.0-10-arm64",), "a kernel whose modules are here"),
    ],
)
def test_the_newest_kernel_of_the_same_kind(
    running: str, others: tuple[str, ...], best: str
) -> None:
    from modprobe_ipsec.plan.planner import make_plan
    from tests.facts import GCM as NEED

    around = Environment(releases=(*others, running))
    host = facts(release=running, module_index=None, environment=lambda: around)
    (found,) = make_plan([NEED], host, CATALOG).forecasts
    remedies = {r.remedy for r in found.foreseen if r.obstacle}
    assert remedies and all(f"reboot into {best}" in remedy for remedy in remedies)
