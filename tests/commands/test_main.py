# SPDX-License-Identifier: GPL-3.0-or-later
"""The command as a user meets it, on this machine and in wrong hands."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modprobe_ipsec.base.errors import ConfigError, OutOfTime, UsageError
from modprobe_ipsec.commands.main import main
from tests.report_schema import checked

TOOL = (sys.executable, "-I", "-m", "modprobe_ipsec")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TOOL, *arguments], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--esp", "aes256gcn16"], 64, "did you mean `aes256gcm16`"),
        (["--esp", "aes-sha1"], 64, "--daemon libreswan or --daemon strongswan"),
        (["--esp", ""], 64, ""),
        (["--ah", "aes128"], 64, ""),
        (["--esp", "aes\n\x1b[31m"], 64, "\\x1b"),
        (["--nonsense"], 64, "--help"),
        (["--che"], 64, "--help"),
        (["--daemon", "racoon"], 64, "libreswan, strongswan"),
        (["--prove"], 64, "--check"),
        (["--dry-run", "--check"], 64, "--dry-run"),
        (["--root", "/nowhere"], 64, "/nowhere"),
        (["--kernel", "9.9.9"], 64, "--check or --dry-run"),
        (["--root", "/\x1b[31m\udcfc"], 64, "/?[31m?: no such directory"),
        (["--daemon", f"libreswan={'9' * 5000}.1", "--check"], 64, "a release looks like"),
        (["--manifest", ""], 64, "--manifest: an empty value"),
        (["--record", ""], 64, "--record: an empty value"),
        (["--config", "", "--check"], 64, "--config: an empty value"),
        (["--record", "/nowhere/x", "--seal"], 64, "--seal does not go with --record"),
        (["--record", "/nowhere/x", "--check"], 64, "--check does not go with --record"),
        (["--record", "/nowhere/x", "--dry-run"], 64, "--dry-run does not go with --record"),
        (["--record", "/nowhere/x", "--apply", "x"], 64, "--apply does not go with --record"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_64(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert "\x1b" not in said.err and "Traceback" not in said.err
    assert all(line.startswith("modprobe-ipsec: ") for line in said.err.splitlines())


def test_this_machine_gets_a_true_answer() -> None:
    done = run("--check", "--format", "json")
    report = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode in (0, 1, 2, 3)
    assert report["kernel"]["release"] == os.uname().release
    assert report["needs"], "without arguments, the daemons' defaults are asked for"
    assert {need["sources"][0]["where"] for need in report["needs"]} <= {
        "libreswan's default",
        "strongSwan's default",
    }
    # proven, where it can be: what was ready stays ready, and nothing else becomes it
    proven = json.loads(run("--check", "--prove", "--format", "json").stdout)
    for before, asked in zip(report["needs"], proven["needs"], strict=True):
        if before["verdict"] in ("ready", "missing"):
            assert asked["verdict"] in (before["verdict"], "unknown"), before["need"]


def test_output_that_nobody_reads_is_no_traceback() -> None:
    command = f"{' '.join(TOOL)} --check --all -v | true"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""


@pytest.mark.parametrize("action", ["--check", "--manifest=yaml"])
def test_output_on_a_full_disk_is_one_line(action: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*TOOL, action], stdout=full, stderr=subprocess.PIPE, text=True)
    line = "modprobe-ipsec: the answer cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (3, line)


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(("wrong", "status"), [("--esp bogus", 64), ("--config /nowhere", 78)])
def test_what_cannot_be_said_is_told_by_the_exit_status(
    where: str, wrong: str, status: int
) -> None:
    command = f"{' '.join(TOOL)} --check --format json {wrong} {where}"
    done = subprocess.run(["/bin/sh", "-c", command], stdout=subprocess.PIPE)
    assert checked(done.stdout.decode(), "error")["exit_code"] == done.returncode == status


def test_an_error_is_an_object_where_one_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(error: BaseException) -> dict[str, Any]:
        def run(arguments: object) -> int:
            raise error

        monkeypatch.setattr("modprobe_ipsec.commands.verbs.run", run)
        code = main(["--check", "--format=text", "--format", "json"])
        out, err = capsys.readouterr()
        told: dict[str, Any] = checked(out, "error")
        assert told["exit_code"] == code and told["error"]["message"] in err
        return dict(told["error"])

    assert failing(ConfigError("a", "c"))["kind"] == "configuration"
    assert failing(UsageError("a", ""))["kind"] == "usage"
    assert failing(ValueError("x"))["kind"] == "bug"
    for error in (MemoryError(), OutOfTime()):
        assert "given up" in failing(error)["message"]
    # nobody asked for it
    for words in (["--format", "json", "--format=text"], ["--format", "text"], ["--format"], []):
        assert main(["--check", *words])
        assert capsys.readouterr().out == ""


def test_a_configuration_is_found_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "swanctl.conf").write_text("connections {\n}\n")
    monkeypatch.chdir(tmp_path)
    main(["--check", "--config", "swanctl.conf", "--format", "json"])
    assert json.loads(capsys.readouterr().out)["configs"] == [str(tmp_path / "swanctl.conf")]
    assert main(["--check", "--config", "nowhere.conf"]) == 78
    assert f"{tmp_path}/nowhere.conf: no such file" in capsys.readouterr().err


@pytest.mark.parametrize("root", [False, True])
def test_a_configuration_on_standard_input(tmp_path: Path, root: bool) -> None:
    child = "children { c { esp_proposals = aes128gcm16 } }"
    (tmp_path / "more").mkdir()
    (tmp_path / "more/a.conf").write_text(f"connections {{ a {{ {child} }} }}\n")
    text = f"connections {{\n b {{ {child.replace('128', '129')} }} }}\ninclude more/*.conf\n"
    there = ["--root", str(tmp_path), "--kernel", "6.1.0"] if root else []
    done = subprocess.run(
        [*TOOL, "--check", "--config", "-", "-4", "--format", "json", *there],
        input=text, capture_output=True, text=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["configs"] == ["-"]
    assert (report["problems"][0]["file"], report["problems"][0]["line"]) == ("-", 2)
    (where,) = {
        source["where"]
        for verdict in report["needs"]
        for source in verdict["sources"]
        if verdict["need"].startswith("ESP")
    }
    assert where == f"{'' if root else tmp_path}/more/a.conf:1 a children c"


def test_standard_input_may_be_closed() -> None:
    command = f"{' '.join(TOOL)} --check --config - <&-"
    done = subprocess.run(["/bin/sh", "-c", command], stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (78, "modprobe-ipsec: -: standard input is closed\n")


def test_a_configuration_of_a_tree_is_a_path_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = ["--check", "--root", str(tmp_path), "--kernel", "6.1.0", "--config"]
    (tmp_path / "swanctl.conf").write_text("connections {\n}\n")
    for path in ("/swanctl.conf", "swanctl.conf"):
        main([*there, path, "--format", "json"])
        assert json.loads(capsys.readouterr().out)["configs"] == [path]
    assert main([*there, str(tmp_path / "swanctl.conf")]) == 78
    said = capsys.readouterr().err
    assert f"no such file in {tmp_path}" in said
    assert "--config is a path in the tree of --root" in said


IMAGE = {
    "etc/ipsec.conf": b"conn b\xfcro\x1b[31m\n left=192.0.2.1\n right=192.0.2.2\n esp=rot13\n"
    b" auto=start\nconn m\xc3\xbc\n left=192.0.2.1\n right=192.0.2.3\n auto=start\n esp=rot13\n",
    "usr/libexec/ipsec/pluto": b"",
    "var/lib/dpkg/status": b"Package: libreswan\nVersion: " + b"9" * 5000 + b".1\n",
}


@pytest.mark.parametrize("format", ["text", "journal", "json"])
def test_an_odd_image_is_no_traceback(format: str, tmp_path: Path) -> None:
    for name, data in IMAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    tool = (sys.executable, "-m", "modprobe_ipsec", "--check", "--root", str(tmp_path))
    done = subprocess.run(
        [*tool, "--kernel", "6.1.0", "--format", format], capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
    )  # fmt: skip
    assert done.stderr == b"" and b"\x1b" not in done.stdout
    expected = rb"m\u00fc" if format == "json" else rb"m\xfc"
    assert expected in done.stdout


def test_closed_standard_files_are_no_traceback() -> None:
    def closed(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        script = ["sh", "-c", 'exec "$@" <&- >&-', "sh", *TOOL]
        return subprocess.run([*script, *arguments], stderr=subprocess.PIPE, timeout=60)

    done = closed("--check", "--apply", "-")
    assert (done.returncode, done.stderr) == (78, b"modprobe-ipsec: -: standard input is closed\n")
    assert closed("--check").stderr == b""


def test_a_bug_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("modprobe_ipsec.commands.engine.gather", lambda _: 1 // 0)
    assert main(["--check"]) == 70
    said = "internal error: ZeroDivisionError: integer division or modulo by zero"
    hint = "please report it, with what --debug says and a --record"
    assert capsys.readouterr().err == f"modprobe-ipsec: {said}\nmodprobe-ipsec: {hint}\n"


def test_debug_says_where_an_error_arose(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check", "--debug", "--esp", "rot13"]) == 64
    assert "ProposalError" in capsys.readouterr().err.partition("\nmodprobe-ipsec: ")[0]
    monkeypatch.setattr("modprobe_ipsec.commands.engine.gather", lambda _: 1 // 0)
    assert main(["--check", "--debug"]) == 70
    trace, _, line = capsys.readouterr().err.partition("\nmodprobe-ipsec: ")
    assert trace.startswith("Traceback") and line.startswith("internal error: ZeroDivisionError")


def test_no_colour_where_there_is_no_terminal() -> None:
    assert "\033" not in run("--check").stdout


def test_help_names_every_exit_code() -> None:
    said = run("--help").stdout
    assert all(f"{code} " in said for code in (0, 1, 2, 3, 64, 70, 77, 78))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_as_nobody(tmp_path: object) -> None:
    # the interpreter of a virtual environment in root's home is out of reach of nobody's exec
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        code = main(["--check"])
        os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, 1, 2, 3)
