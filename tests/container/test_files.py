# SPDX-License-Identifier: GPL-3.0-or-later
"""The files in container/ are what their readers take, and say what the program does."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from modprobe_ipsec.commands import oci_hook as hook
from tests.container.images import build_command

DIRECTORY = Path(__file__).resolve().parents[2] / "container"
CONTAINERFILES = sorted(DIRECTORY.glob("Containerfile.*"))
README = (DIRECTORY / "README.md").read_text()


def commands() -> list[list[str]]:
    """The words of the README's five commands."""
    block = README.partition("five commands")[2].split("```")[1]
    return [shlex.split(line) for line in block.strip().splitlines()]


def test_there_is_one_for_each_daemon() -> None:
    suffixes = [path.suffix for path in CONTAINERFILES]
    assert suffixes == [".alpine", ".libreswan", ".openiked", ".strongswan"]


@pytest.mark.parametrize("path", CONTAINERFILES, ids=lambda path: path.name)
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, path], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("path", CONTAINERFILES, ids=lambda path: path.name)
def test_the_daemon_comes_last_and_nothing_that_loads_is_in_the_image(path: Path) -> None:
    text = path.read_text()
    installed = " ".join(re.findall(r"(?:apt-get install|apk add) [^&]*", text))
    assert "kmod" not in installed.split()
    assert "modprobe-ipsec-init" in text and "--privileged" not in text
    (entry,) = re.findall(r"^ENTRYPOINT (.*)", text, re.MULTILINE)
    (command,) = re.findall(r"^CMD (.*)", text, re.MULTILINE)
    assert json.loads(entry)[-1] == "--" and json.loads(command)[0].startswith("/")


def test_hooks_get_more_time_than_they_take_and_no_environment() -> None:
    hooks = [json.loads((DIRECTORY / "hooks.d.json").read_text())["hook"]]
    for device in json.loads((DIRECTORY / "cdi.json").read_text())["devices"]:
        hooks += device["containerEdits"]["hooks"]
    for one in hooks:
        assert one["timeout"] > hook.LIMIT + 5
        assert one["env"] == ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        assert one["args"][0] == one["path"].rpartition("/")[2]


def test_five_commands() -> None:
    assert len(commands()) == 5
    assert build_command(DIRECTORY / "Containerfile.libreswan") == commands()[2]
    words = {word for command in commands() for word in command}
    assert all((DIRECTORY.parent / word).exists() for word in words if "container/" in word)
    assert {"--cap-drop=all", "--cap-add=NET_ADMIN"} <= words and "--privileged" not in words
    cdi = json.loads((DIRECTORY / "cdi.json").read_text())
    names = [f"{cdi['kind']}={device['name']}" for device in cdi["devices"]]
    assert names[0] in words and all(name in README for name in names)


def test_every_annotation_is_documented() -> None:
    assert hook.PREFIX in README
    assert all(f"`{hook.PREFIX}{key}`" in README or f"`.{key}`" in README for key in hook.KEYS)
    assert f"{hook.LIMIT:g} seconds" in README
