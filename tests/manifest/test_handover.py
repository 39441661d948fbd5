# SPDX-License-Identifier: GPL-3.0-or-later
"""A host plan goes from a container to its host, and from one kernel to the next: the command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modprobe_ipsec.commands.main import main
from tests.hosts import tree

ESP = ("--daemon", "strongswan", "--esp", "aes256gcm16,chacha20poly1305-esn")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def handed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The plan that comes out of a container."""
    inside = tree.assemble("container-with-modules", tmp_path / "container")
    code, text, err = run(capsys, "--manifest", "yaml", "--root", str(inside), *ESP)
    assert (code, err) == (0, "")
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("host", ["booted-6.12", "install-false", "modules-disabled", "no-modules"])
def test_the_host_says_the_same_as_to_the_needs_themselves(
    host: str, handed_over: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(tree.assemble(host, tmp_path / "host"))
    for action in (("--check", "--format", "json"), ("--dry-run", "--format", "json")):
        code, out, err = run(capsys, *action, "--root", root, "--apply", handed_over)
        same, directly, _ = run(capsys, *action, "--root", root, *ESP)
        applied, asked = json.loads(out), json.loads(directly)
        assert (code, err) == (same, "")
        assert applied["needs"] == asked["needs"] and applied["plan"] == asked["plan"]
        assert applied["configs"] == [handed_over]
    for format in ("systemd", "cdi"):
        plan = run(capsys, "--manifest", format, "--root", root, "--apply", handed_over)
        asked_for = run(capsys, "--manifest", format, "--root", root, *ESP)
        assert plan[0] == asked_for[0]
        for line in asked_for[1].splitlines():
            if not line.startswith("# Made by") and "MADE=" not in line:
                assert line in plan[1]


def test_the_names_in_a_plan_are_not_believed(
    handed_over: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # a module that no kernel has, but whose name could be one for this request
    text = Path(handed_over).read_text().replace("name: gcm\n", "name: gcm_of_my_own\n")
    assert "gcm_of_my_own" in text
    Path(handed_over).write_text(text)
    root = str(tree.assemble("modprobe-empty", tmp_path / "host"))
    for action in (("--dry-run",), ("--manifest", "systemd"), ("--manifest", "cdi")):
        _, out, err = run(capsys, *action, "--root", root, "--apply", handed_over)
        assert "esp4" in out and "of_my_own" not in out + err


def test_what_is_wrong_is_one_line_and_nothing_is_done(
    handed_over: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = Path(handed_over).read_text()
    root = str(tree.assemble("booted-6.12", tmp_path / "host"))
    Path(handed_over).write_text(text.replace("name: esp4\n", "name: evil\n"))
    code, out, err = run(capsys, "--check", "--root", root, "--apply", handed_over)
    assert (code, out) == (78, "")
    line = 1 + Path(handed_over).read_text().split("\n").index("  - name: evil")
    assert f"{handed_over}:{line}: `...` is no module of the map for xfrm-type-2-50" in err
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "big").write_bytes(b"x" * 600_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for wrong in (fifo, tmp_path, tmp_path / "big", tmp_path / "binary", tmp_path / "none"):
        code, out, err = run(capsys, "--check", "--root", root, "--apply", str(wrong))
        assert (code, out) == (78, "") and str(wrong) in err and len(err.splitlines()) == 1


def test_standard_input(handed_over: str, tmp_path: Path) -> None:
    root = str(tree.assemble("booted-6.12", tmp_path / "host"))
    command = (sys.executable, "-I", "-m", "modprobe_ipsec", "--check", "--root", root)
    plan = Path(handed_over).read_bytes()
    done = subprocess.run([*command, "--apply", "-"], input=plan, capture_output=True)
    assert (done.returncode, done.stderr) == (1, b"")
    done = subprocess.run([*command, "--apply", "-"], input=b"x" * 600_000, capture_output=True)
    assert done.returncode == 78 and b"more than 524288 bytes" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--manifest", "nonsense"],
        ["--manifest", "yaml", "--check"],
        ["--manifest", "yaml", "--dry-run"],
        ["--output", "x"],
        ["--preload"],
        ["--against", "x"],
        ["--manifest", "systemd", "--against", "x"],
        ["--apply", "x", "--esp", "aes"],
        ["--apply", "x", "-4", "--check"],
    ],
)
def test_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (64, "")
    assert "manifest" in err or "apply" in err


def test_output_goes_into_a_new_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(tree.assemble("modprobe-empty", tmp_path / "host"))
    target = tmp_path / "new"
    command = ("--manifest", "systemd", "--root", root, *ESP)
    code, listed, _ = run(capsys, *command, "--output", str(target))
    files = {str(p.relative_to(target)): p for p in target.rglob("*") if p.is_file()}
    assert code == 0 and set(listed.split()) == set(files)
    _, printed, _ = run(capsys, *command)
    for path, file in files.items():
        assert f"# ---- {path}\n{file.read_text()}" in printed
        assert file.stat().st_mode & 0o777 == 0o644
    again, _, err = run(capsys, *command, "--output", str(target))
    assert again == 64 and "is not empty" in err


def test_what_a_kernel_update_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = tree.assemble("modprobe-empty", tmp_path / "old")
    new = tree.assemble("modprobe-empty", tmp_path / "new")
    path = tmp_path / "plan.yaml"
    path.write_text(run(capsys, "--manifest", "yaml", "--root", str(old), *ESP)[1])
    against = ("--against", str(path))
    assert run(capsys, "--manifest", "yaml", "--root", str(old), *ESP, *against) == (0, "", "")
    # loaded or not is no difference
    modules = new / "proc/modules"
    modules.write_text(modules.read_text() + "esp4 1 0 - Live 0x0\n")
    assert run(capsys, "--manifest", "yaml", "--root", str(new), *ESP, *against) == (0, "", "")
    for index in new.glob("lib/modules/*/modules.*"):
        if index.suffix in (".dep", ".alias"):
            lines = index.read_text().splitlines(keepends=True)
            index.write_text("".join(line for line in lines if "chacha20poly1305" not in line))
    code, out, _ = run(capsys, "--manifest", "yaml", "--root", str(new), *ESP, *against)
    assert code == 1
    assert "ESP IPv4 CHACHA20_POLY1305 ESN: missing, was can be had\n" in out
    assert "crypto-rfc7539esp: absent, was chacha20poly1305 must be loaded\n" in out
    # the other way round it is found again, and what is no longer wanted is said
    path.write_text(run(capsys, "--manifest", "yaml", "--root", str(new), *ESP)[1])
    few = ("--daemon", "strongswan", "--esp", "chacha20poly1305-esn", "-4")
    code, out, _ = run(capsys, "--manifest", "yaml", "--root", str(old), *few, *against)
    assert code == 1
    assert "ESP IPv4 CHACHA20_POLY1305 ESN: can be had, was missing\n" in out
    assert "no longer needed: ESP IPv6 AES_GCM_16_256\n" in out
