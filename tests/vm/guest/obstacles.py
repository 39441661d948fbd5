# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: sets one obstacle up after the other, and does what the tool says about it.

Modes: `files` (modprobe.d, sysctls, the module tree), `cmdline` (as booted, once), `all` (every
algorithm, proven). Answers in JSON.
"""

import ctypes
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOOL = (sys.executable, "-I", "-m", "modprobe_ipsec")
GCM = ("--esp", "aes256gcm16", "-4")
TREE = Path("/lib/modules", os.uname().release)
CONF = Path("/etc/modprobe.d/dirtyfrag.conf")
_SIGNED = b"~Module signature appended~\n"
_LIBC = ctypes.CDLL(None)
# x86-64; arch/x86/entry/syscalls/syscall_64.tbl
_DELETE_MODULE = 176


def run(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [*TOOL, *arguments, "--format", "json"], capture_output=True, text=True, timeout=120
    )
    report = json.loads(done.stdout) if done.stdout.startswith("{") else None
    return {"status": done.returncode, "report": report, "stderr": done.stderr}


def modules() -> dict[str, list[str]]:
    found = {}
    for line in Path("/proc/modules").read_text().splitlines():
        name, _, _, users = line.split()[:4]
        found[name] = [user for user in users.rstrip(",").split(",") if user not in ("-", "")]
    return found


def unload() -> None:
    """Take every module away that the kernel lets go."""
    stuck: set[str] = set()
    while free := [name for name, users in modules().items() if not users and name not in stuck]:
        for name in free:
            if _LIBC.syscall(_DELETE_MODULE, name.encode(), os.O_NONBLOCK):
                stuck.add(name)


def tried(*needs: str) -> dict[str, Any]:
    """Look, look at a record of the same state, then load."""
    record = Path("/run/record")
    shutil.rmtree(record, ignore_errors=True)
    looked = run("--check", *needs)
    before = list(modules())
    subprocess.run([*TOOL, "--record", str(record)], check=True, stdout=subprocess.DEVNULL)
    return {
        "check": looked,
        "of record": run("--check", "--root", str(record), *needs),
        "came by looking": sorted(set(modules()) - set(before)),
        "load": run(*needs),
        "modules": sorted(modules()),
    }


@contextmanager
def changed(path: Path, data: bytes | None) -> Iterator[None]:
    """Other contents, or none, for a while."""
    old = path.read_bytes() if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    try:
        yield
    finally:
        if old is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(old)


def module_file(name: str) -> Path:
    for line in (TREE / "modules.dep").read_text().splitlines():
        path = TREE / line.partition(":")[0]
        if path.name.partition(".")[0].replace("-", "_") == name:
            return path
    raise FileNotFoundError(name)


def edited(path: Path, edit: Callable[[bytes], bytes]) -> bytes:
    """The file of a module with its contents changed, compressed as it was."""
    data = path.read_bytes()
    if path.suffix == ".xz":
        # the kernel's own decompressor has no CRC64
        return lzma.compress(edit(lzma.decompress(data)), check=lzma.CHECK_CRC32)
    return edit(data)


def unsigned(elf: bytes) -> bytes:
    assert elf.endswith(_SIGNED)
    trailer = elf[-len(_SIGNED) - 12 : -len(_SIGNED)]
    return elf[: -len(_SIGNED) - 12 - int.from_bytes(trailer[8:12], "big")]


def other_kernel(elf: bytes) -> bytes:
    release = os.uname().release.encode()
    return elf.replace(b"vermagic=" + release, b"vermagic=" + b"0" + release[1:])


def lift_line(answer: dict[str, Any]) -> str:
    """Remove the line of the file that the remedy names; returns the remedy."""
    (need,) = answer["check"]["report"]["needs"]
    remedy = need["reasons"][0]["remedy"]
    found = re.search(r"whoever set (/[^:]+):(\d+) decides: .* remove that line", remedy)
    assert found, remedy
    path, number = Path(found[1]), int(found[2])
    text = path.read_text().splitlines(keepends=True)
    del text[number - 1]
    path.write_text("".join(text))
    return str(remedy)


RULES = {
    "false": "# Dirty Frag\ninstall esp4 /bin/false\n",
    "true": "install esp4 /bin/true\n",
    "pattern": "install esp* /bin/false\n",
    "dashes": "\n\ninstall xfrm-user /bin/false\n",
    "dependency": "install xfrm_algo /bin/false\n",
    "alias of an install": "install xfrm-type-2-50 /bin/false\n",
    "blacklist": "blacklist esp4\n",
    "blacklist of a template": "blacklist seqiv\n",
    "alias off": "alias crypto-seqiv off\n",
}


# On all kernels but one.
SHORT = ("false", "true", "blacklist", "gone", "truncated", "other kernel")


def rules(short: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    CONF.parent.mkdir(parents=True, exist_ok=True)
    chosen = SHORT if short else tuple(RULES)
    for name, text in RULES.items():
        if name not in chosen:
            continue
        unload()
        CONF.write_text(text)
        answer = tried(*GCM)
        answer["remedy"] = lift_line(answer)
        answer["lifted"] = run(*GCM)
        yield name, answer
    CONF.unlink()


def command() -> dict[str, Any]:
    """A command of which only a run tells what it does: looking does not run it."""
    unload()
    CONF.write_text("install esp4 /bin/sh -c 'echo ran >>/run/ran; exit 1'\n")
    answer: dict[str, Any] = {"check": run("--check", *GCM), "ran": Path("/run/ran").exists()}
    answer["load"] = run(*GCM)
    answer["modules"] = sorted(modules())
    CONF.unlink()
    answer["lifted"] = run(*GCM)
    return answer


def files(short: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    esp4 = module_file("esp4")
    bodies = {
        "gone": None,
        "empty": b"",
        "truncated": esp4.read_bytes()[:3000],
        "other kernel": edited(esp4, other_kernel),
        "compression": b"BZh91AY&SY" + bytes(4000),
    }
    for name, data in bodies.items():
        if short and name not in SHORT:
            continue
        unload()
        with changed(esp4, data):
            answer = tried(*GCM)
        answer["lifted"] = run(*GCM)
        yield name, answer
    unload()
    away = TREE.with_name("9.9.9-other")
    TREE.rename(away)
    answer = tried(*GCM)
    away.rename(TREE)
    yield "no tree", {**answer, "lifted": run(*GCM)}
    unload()
    saved = {path: path.read_bytes() for path in TREE.glob("modules.dep*")}
    for path in saved:
        path.unlink()
    answer = tried(*GCM)
    for path, data in saved.items():
        path.write_bytes(data)
    yield "no index", {**answer, "lifted": run(*GCM)}


def sysctls() -> Iterator[tuple[str, dict[str, Any]]]:
    modprobe = Path("/proc/sys/kernel/modprobe")
    usual = modprobe.read_text()
    for name, path in (("no autoload", "\n"), ("modprobe nowhere", "/nowhere/modprobe\n")):
        unload()
        modprobe.write_text(path)
        yield name, tried(*GCM)
    modprobe.write_text(usual)
    unload()
    Path("/proc/sys/kernel/modules_disabled").write_text("1\n")
    # until the next boot
    yield "modules_disabled", tried(*GCM)


def as_booted() -> Iterator[tuple[str, dict[str, Any]]]:
    """module_blacklist=esp6 modprobe.blacklist=ah4 lockdown=integrity"""
    subprocess.run(["/bin/mount", "-t", "securityfs", "none", "/sys/kernel/security"], check=False)
    yield "module_blacklist", tried("--esp", "aes256gcm16", "-6")
    yield "modprobe.blacklist", tried("--ah", "sha256", "-4")
    esp4 = module_file("esp4")
    with changed(esp4, edited(esp4, unsigned)):
        answer = tried(*GCM)
    yield "unsigned", {**answer, "lifted": run(*GCM)}


def started() -> Iterator[tuple[str, dict[str, Any]]]:
    """initcall_blacklist= of what gives HMAC-SHA256; and the functions that the map names."""
    yield "initcall_blacklist", tried("--ah", "sha256", "-4")


def everything() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "all", {"load": run("--all", "-4")}


def main() -> None:
    mode = sys.argv[1]
    answers: dict[str, Any] = {}
    if mode in ("files", "short"):
        answers |= dict(rules(mode == "short"))
        answers["command"] = command()
        answers |= dict(files(mode == "short"))
        answers |= dict(sysctls())
    else:
        modes = {"cmdline": as_booted, "initcall": started, "all": everything}
        answers |= dict(modes[mode]())
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
