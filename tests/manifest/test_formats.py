# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tool prints in each format for recorded hosts, as a user calls it.

pytest tests/manifest/test_formats.py --update        write down what it says now
"""

import json
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from modprobe_ipsec.base.errors import NeedUnmet, NothingToWrite, UsageError
from modprobe_ipsec.commands.main import main
from modprobe_ipsec.manifest import formats
from modprobe_ipsec.manifest.model import HostPlan, ManifestOptions
from tests.hosts import tree
from tests.manifest.common import EVERYTHING, FEATURES, GCM, NEEDS, SOURCE, plan
from tests.manifest.shapes import mistakes

EXPECTED = Path(__file__).parent / "expected"
ESP = ("--daemon", "strongswan", "--esp", "aes256gcm16,chacha20poly1305,aes128-sha256-esn")
# The same of a gateway, which only a configuration tells.
CONF = """\
connections {
  office {
    children {
      net {
        local_ts = 10.1.0.0/16, fd00:1::/64
        esp_proposals = aes256gcm16,chacha20poly1305,aes128-sha256-esn
      }
    }
  }
}
"""
GATEWAY = ("--config", "/etc/swanctl/swanctl.conf")
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
    if asks := GATEWAY if case == "modprobe-empty" else ():
        (root / "etc/swanctl").mkdir(parents=True)
        (root / "etc/swanctl/swanctl.conf").write_text(CONF)
    code = main(["--manifest", format, "--root", str(root), *(asks or ESP)])
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
                assert "names of modules" in error.message
                continue
            except (NeedUnmet, NothingToWrite):
                assert format in ("cdi", "nfd")
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
            except (NeedUnmet, NothingToWrite, UsageError):
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


def test_a_file_that_would_be_empty_has_a_status_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gcm = ("--daemon", "strongswan", "--esp", "aes256gcm16", "-4")
    nothing = tree.assemble("booted-6.1", tmp_path / "host")
    blocked = tree.assemble("install-false", tmp_path / "blocked")
    target = tmp_path / "new"
    command = ("--manifest", "cdi", *gcm, "--output", str(target))
    assert main([*command, "--root", str(nothing)]) == 4
    said = capsys.readouterr()
    assert said.out == "" and "nothing has to be loaded" in said.err
    assert main([*command, "--root", str(blocked)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "nothing can be loaded for ESP IPv4 AES_GCM_16_256" in said.err
    assert not target.exists()


def test_a_shell_fragment_is_an_executable_script(tmp_path: Path) -> None:
    root = tree.assemble("modprobe-empty", tmp_path / "host")
    target = tmp_path / "new"
    assert main(["--manifest", "docker", "--root", str(root), *ESP, "--output", str(target)]) == 0
    script = target / "docker-run.sh"
    lines = script.read_text().splitlines()
    commands = [line for line in lines if not line.startswith("#")]
    assert lines[0] == "#!/bin/sh" and commands[:2] == ["set -eu", "docker run -d \\"]
    assert stat.S_IMODE(script.stat().st_mode) == 0o755
    # it is one, with nothing set but a docker that tells what it was asked
    program = tmp_path / "docker"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    done = subprocess.run([script], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == ["run", "-d"]
    assert done.stdout.splitlines()[-1] == "example.org/ike-daemon:1"


def test_a_rule_for_nodes_that_names_no_module_is_not_written() -> None:
    found = plan("install-false", GCM[:1])
    blocked = tuple(module for module in found.modules if module.label == "esp4")
    with pytest.raises(NeedUnmet, match="ESP IPv4 AES_GCM_16_256"):
        formats.write("nfd", found._replace(modules=blocked), ManifestOptions())
    with pytest.raises(NothingToWrite) as caught:
        formats.write("nfd", found._replace(modules=(), needs=()), ManifestOptions(preload=True))
    assert caught.value.hint == "" and caught.value.exit_code == 4
