# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tool prints in each format for recorded hosts, as a user calls it.

pytest tests/manifest/test_formats.py --update        write down what it says now
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from modprobe_ipsec.base.errors import UsageError
from modprobe_ipsec.commands.main import main
from modprobe_ipsec.manifest import formats
from modprobe_ipsec.manifest.model import HostPlan, ManifestOptions
from tests.hosts import tree
from tests.manifest.common import EVERYTHING, FEATURES, GCM, NEEDS, SOURCE, plan
from tests.manifest.shapes import mistakes

EXPECTED = Path(__file__).parent / "expected"
ESP = ("--daemon", "strongswan", "--esp", "aes256gcm16,chacha20poly1305,aes128-sha256-esn")
# Formats that say something of their own about a host, beside those of which everything is shown.
SOME = ("yaml", "systemd", "docker", "kubernetes")
CASES = {
    "modprobe-empty": formats.names(),
    "container-autoload-off": (*SOME, "compose", "quadlet"),
    "booted-6.1": SOME,
    "install-false": SOME,
}
SHOWN = [(case, format) for case, names in CASES.items() for format in names]


@pytest.mark.parametrize(("case", "format"), SHOWN)
def test_format(
    case: str,
    format: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    root = tree.assemble(case, tmp_path / "root")
    code = main(["--manifest", format, "--root", str(root), *ESP])
    said = capsys.readouterr()
    text = tree.plain(f"{said.out}{said.err}", root) + f"exit status {code}\n"
    path = EXPECTED / case / f"{format}.txt"
    if request.config.getoption("--update"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("name", tree.names())
def test_no_format_fails_its_own_check(name: str) -> None:
    needs = EVERYTHING if name.startswith("booted") else (*NEEDS, *FEATURES)
    found = plan(name, needs)
    for options in (ManifestOptions(), ManifestOptions(preload=True)):
        for format in formats.names():
            try:
                files = formats.write(format, found, options)
            except UsageError as error:
                assert "names of modules" in error.message or "nothing" in error.message
                continue
            assert list(mistakes(files, found)) == []
            assert len({file.path for file in files}) == len(files)


def test_what_comes_by_itself_is_a_comment_unless_asked_for() -> None:
    found = plan("booted-6.1")
    listed = formats.write("systemd", found, ManifestOptions())[0].text.split("\n")
    assert "esp4" not in listed and any(line.startswith("# esp4: the kernel") for line in listed)
    listed = formats.write("systemd", found, ManifestOptions(preload=True))[0].text.split("\n")
    assert "esp4" in listed and any(line.startswith("# hmac: built in") for line in listed)
    # and what is blocked is never an entry
    (file, *_) = formats.write("systemd", plan("install-false"), ManifestOptions(preload=True))
    listed = file.text.split("\n")
    assert "esp4" not in listed and any(line.startswith("# esp4: blocked") for line in listed)


def test_nobody_but_the_loader_gets_sys_module() -> None:
    for name in ("modprobe-empty", "container", "booted-6.1"):
        found = plan(name, (*NEEDS, *FEATURES))
        for format in formats.names():
            try:
                files = formats.write(format, found, ManifestOptions(preload=True))
            except UsageError:
                continue
            for file in files:
                if "SYS_MODULE" in file.text:
                    assert format == "kubernetes" or ".service" in file.text
                assert "ignore-install" not in file.text
                assert "privileged" not in file.text


def test_libreswan_is_told_to_leave_the_audit_log_alone_where_nothing_stops_it() -> None:
    found = plan("booted-6.1")
    told = {name for name in formats.names() if "audit" in _text(name, found)}
    assert told == {"docker", "compose", "kubernetes"}
    strongswan = SOURCE._replace(daemon="strongswan")
    found = plan("booted-6.1", tuple(need._replace(sources=(strongswan,)) for need in GCM))
    assert "audit" not in _text("docker", found)


def _text(format: str, plan: HostPlan) -> str:
    return "".join(file.text for file in formats.write(format, plan, ManifestOptions(preload=True)))


def test_a_format_is_a_file_and_its_names_cost_no_import() -> None:
    code = (
        "import sys; before = set(sys.modules); from modprobe_ipsec.manifest import formats; "
        "formats.names(); print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {name for name in done.stdout.split() if name.startswith("modprobe_ipsec.manifest.")}
    assert ours == {"modprobe_ipsec.manifest.formats"}
    for name, format in formats.every():
        assert format is formats.find(name) and format.write.__module__.startswith("modprobe_ipsec")
        assert 10 < len(format.summary) < 80 and not format.summary.endswith(".")
        assert format.cannot_say == "" or format.cannot_say.endswith(".")


def test_json_and_toml_are_well_formed() -> None:
    found = plan("modprobe-empty")
    for format in ("json", "ignition", "cdi"):
        assert json.loads(formats.write(format, found, ManifestOptions())[0].text)
    settings = tomllib.loads(formats.write("bottlerocket", found, ManifestOptions())[0].text)[
        "settings"
    ]
    assert settings["kernel"]["modules"]["esp4"] == {"allowed": True, "autoload": True}
    assert settings["kernel"]["sysctl"] == {
        "net.ipv4.ip_forward": "1",
        "net.ipv6.conf.all.forwarding": "1",
    }


def test_formats_that_need_names_say_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree.assemble("container-sealed", tmp_path / "root")
    for format in ("kubernetes", "cdi", "incus", "lxc", "proxmox", "bottlerocket", "nixos"):
        assert main(["--manifest", format, "--root", str(root), *ESP]) == 64
        said = capsys.readouterr()
        assert said.out == "" and f"--manifest {format} --apply PLAN" in said.err
    assert main(["--manifest", "systemd", "--root", str(root), *ESP]) == 0
    assert "ExecStart=/usr/local/sbin/modprobe-ipsec --apply" in capsys.readouterr().out
