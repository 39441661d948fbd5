# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: sets one obstacle up after the other, and does what the tool says about it.

Modes: `files` (modprobe.d, sysctls, the module directory), `short` (some of those), `cmdline`,
`signature` and `initcall` (as booted), `rebooted` (the same needs without an obstacle; AppArmor),
`all` (every algorithm, proven); several with commas between them. The second argument is the
package that the module directory is from, if it is known. Answers in JSON.
"""

import ctypes
import json
import lzma
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TOOL = (sys.executable, "-I", "-m", "modprobe_ipsec")
GCM = ("--esp", "aes256gcm16", "-4")
TREE = Path("/lib/modules", os.uname().release)
OTHER = "9.9.9-amd64" if TREE.name.endswith("-amd64") else "9.9.9"
"""Another kernel of the same flavour."""
CONF = Path("/etc/modprobe.d/dirtyfrag.conf")
_SIGNED = b"~Module signature appended~\n"
_LAYOUT = b"module_layout\0"
_LIBC = ctypes.CDLL(None)
# x86-64; arch/x86/entry/syscalls/syscall_64.tbl
_DELETE_MODULE = 176


def run(*arguments: str, profile: str = "") -> dict[str, Any]:
    def confine() -> None:
        Path("/proc/self/attr/apparmor/exec").write_text(f"exec {profile}")

    done = subprocess.run(
        [*TOOL, *arguments, "--format", "json"],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=confine if profile else None,
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


def module_file(name: str) -> Path:
    for line in (TREE / "modules.dep").read_text().splitlines():
        path = TREE / line.partition(":")[0]
        if path.name.partition(".")[0].replace("-", "_") == name:
            return path
    raise FileNotFoundError(name)


def elf_of(path: Path) -> bytes:
    """The file of a module, not compressed any more."""
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def edited(path: Path, edit: Callable[[bytes], bytes]) -> bytes:
    """The file of a module with its contents changed, compressed as it was."""
    data = edit(elf_of(path))
    # the kernel's own decompressor has no CRC64
    return lzma.compress(data, check=lzma.CHECK_CRC32) if path.suffix == ".xz" else data


def unsigned(elf: bytes) -> bytes:
    """Without its signature, which user-mode-linux's modules have not got anyway."""
    if not elf.endswith(_SIGNED):
        return elf
    trailer = elf[-len(_SIGNED) - 12 : -len(_SIGNED)]
    return elf[: -len(_SIGNED) - 12 - int.from_bytes(trailer[8:12], "big")]


def other_kernel(elf: bytes) -> bytes:
    """Built for another release; without its signature, which would be the first to fail."""
    elf = unsigned(elf)
    release = os.uname().release.encode()
    return elf.replace(b"vermagic=" + release, b"vermagic=" + b"0" + release[1:])


def other_checksum(elf: bytes) -> bytes:
    """Of another kernel, and not one that could be taken for this one."""
    # include/linux/module.h struct modversion_info: 8 bytes, and the name of a symbol
    at = elf.index(_LAYOUT) - 8
    return other_kernel(elf[:at] + bytes([elf[at] ^ 1]) + elf[at + 1 :])


def lift(
    answer: dict[str, Any], reinstall: Callable[[], object] | None = None, said: str = "check"
) -> None:
    """Do what the remedy says, to the letter, and load again.

    apt and its mirrors are out of a guest's reach: for a command that names the right package,
    `reinstall` puts back what that package carries.
    """
    (need,) = answer[said]["report"]["needs"]
    remedy: str = need["reasons"][0]["remedy"]
    answer["remedy"] = remedy
    # what follows where the tree, and with it the configuration, cannot be seen
    remedy = remedy.removesuffix("; or ask the kernel: --check --prove")
    line = re.match(r"whoever set (/[^:]+):(\d+) decides: .* remove that line", remedy)
    if line:
        path, number = Path(line[1]), int(line[2])
        text = path.read_text().splitlines(keepends=True)
        del text[number - 1]
        path.write_text("".join(text))
    elif remedy.startswith("depmod "):
        subprocess.run(remedy.split(), check=True)
    elif reinstall and remedy in INSTALL:
        reinstall()
    else:
        raise AssertionError(remedy)
    answer["lifted"] = run(*GCM)


# What a remedy may say where the package of the modules has to be installed again.
INSTALL = (
    *(f"apt install --reinstall {package}" for package in sys.argv[2:]),
    *(f"reboot into {OTHER}, or apt install {package}" for package in sys.argv[2:]),
    # of a kernel whose package nobody knows
    f"install the modules of {TREE.name} again",
    f"reboot into {OTHER}",
    "use the distribution's own module, or sign this one with a key that the kernel knows",
)


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
SHORT = ("false", "true", "blacklist", "gone", "truncated", "other kernel", "no index")


def rules(short: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    CONF.parent.mkdir(parents=True, exist_ok=True)
    chosen = SHORT if short else tuple(RULES)
    for name, text in RULES.items():
        if name not in chosen:
            continue
        unload()
        CONF.write_text(text)
        answer = tried(*GCM)
        lift(answer)
        yield name, answer
    CONF.unlink()


def command() -> dict[str, Any]:
    """A command of which only a run tells what it does: looking does not run it."""
    unload()
    CONF.write_text("install esp4 /bin/sh -c 'echo ran >>/run/ran; exit 1'\n")
    answer: dict[str, Any] = {"check": run("--check", *GCM), "ran": Path("/run/ran").exists()}
    answer["load"] = run(*GCM)
    answer["modules"] = sorted(modules())
    lift(answer, said="load")
    CONF.unlink()
    return answer


def files(short: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    esp4 = module_file("esp4")
    good = esp4.read_bytes()
    bodies = {
        "gone": None,
        "empty": b"",
        "truncated": good[:3000],
        "other kernel": edited(esp4, other_kernel),
        "compression": b"BZh91AY&SY" + bytes(4000),
        "zstd truncated": b"\x28\xb5\x2f\xfd\x20\x40\x01\x02\x00" + bytes(16),
    }
    if _LAYOUT in elf_of(esp4):
        del bodies["other kernel"]
    for name, data in bodies.items():
        if short and name not in SHORT:
            continue
        unload()
        if data is None:
            esp4.unlink()
        else:
            esp4.write_bytes(data)
        answer = tried(*GCM)
        lift(answer, lambda: esp4.write_bytes(good))
        yield name, answer
    unload()
    away = TREE.with_name(OTHER)
    TREE.rename(away)
    answer = tried(*GCM)
    lift(answer, lambda: away.rename(TREE))
    yield "no tree", answer
    for name, index in (("no index", "modules.dep*"), ("no binary index", "modules.dep.bin")):
        if short and name not in SHORT:
            continue
        unload()
        saved = {path: path.read_bytes() for path in TREE.glob(index)}
        for path in saved:
            path.unlink()
        answer = tried(*GCM)
        lift(answer)
        yield name, answer


def checksums() -> Iterator[tuple[str, dict[str, Any]]]:
    """Where those of symbols are compared, another release is no obstacle; another checksum is."""
    esp4 = module_file("esp4")
    good = esp4.read_bytes()
    if _LAYOUT in elf_of(esp4):
        for name, edit in (("other release", other_kernel), ("other checksum", other_checksum)):
            unload()
            esp4.write_bytes(edited(esp4, edit))
            answer = tried(*GCM)
            if name == "other checksum":
                lift(answer, lambda: esp4.write_bytes(good), said="load")
            esp4.write_bytes(good)
            yield name, answer


def no_aliases() -> Iterator[tuple[str, dict[str, Any]]]:
    """libkmod's index of aliases only: a load by name goes on."""
    index = TREE / "modules.alias.bin"
    saved = index.read_bytes()
    index.unlink()
    unload()
    asked = subprocess.run(["/sbin/modprobe", "xfrm-type-2-50"], check=False)
    answer = tried(*GCM)
    index.write_bytes(saved)
    yield "no alias index", {**answer, "modprobe": asked.returncode}


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
    """module_blacklist=esp6 modprobe.blacklist=ah4"""
    # a need of a family that nobody has opened a socket of would not be asked for
    socket.socket(socket.AF_INET6)
    yield "module_blacklist", tried("--esp", "aes256gcm16", "-6")
    yield "modprobe.blacklist", tried("--ah", "sha256", "-4")


def signature() -> Iterator[tuple[str, dict[str, Any]]]:
    """lockdown=integrity: only what is signed."""
    subprocess.run(["/bin/mount", "-t", "securityfs", "none", "/sys/kernel/security"], check=False)
    unload()
    esp4 = module_file("esp4")
    good = esp4.read_bytes()
    esp4.write_bytes(edited(esp4, unsigned))
    answer = tried(*GCM)
    lift(answer, lambda: esp4.write_bytes(good))
    yield "unsigned", answer


def started() -> Iterator[tuple[str, dict[str, Any]]]:
    """initcall_blacklist= of what gives HMAC-SHA256; and the functions that the map names."""
    yield "initcall_blacklist", tried("--ah", "sha256", "-4")


def rebooted() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every need that an obstacle of another boot kept from being met; then AppArmor."""
    socket.socket(socket.AF_INET6)
    needs = {
        "modules_disabled": GCM,
        "module_blacklist": ("--esp", "aes256gcm16", "-6"),
        "modprobe.blacklist": ("--ah", "sha256", "-4"),
        "initcall_blacklist": ("--ah", "sha256", "-4"),
    }
    for name, need in needs.items():
        unload()
        yield name, {"lifted": run(*need)}
    unload()
    yield "apparmor", confined()


def confined() -> dict[str, Any]:
    """Held to a profile that may all but load modules, and then to one that may that, too."""
    subprocess.run(["/bin/mount", "-t", "securityfs", "none", "/sys/kernel/security"], check=False)
    policy = Path("/sys/kernel/security/apparmor")
    # of what the kernel loads by itself AppArmor knows nothing, and the proof would make it do so
    Path("/proc/sys/kernel/modprobe").write_text("\n")
    (policy / ".load").write_bytes(Path("/policy/strict").read_bytes())
    answer: dict[str, Any] = {"check": run("--check", *GCM, profile="held")}
    answer["load"] = run(*GCM, profile="held")
    answer["modules"] = sorted(modules())
    answer["log"] = subprocess.run(["/bin/dmesg"], capture_output=True, text=True).stdout[-20000:]
    (policy / ".replace").write_bytes(Path("/policy/lifted").read_bytes())
    answer["lifted"] = run(*GCM, profile="held")
    return answer


def everything() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "all", {"load": run("--all", "-4")}


def all_files() -> Iterator[tuple[str, dict[str, Any]]]:
    yield from some_files(short=False)
    yield from no_aliases()
    yield from sysctls()


def short_files() -> Iterator[tuple[str, dict[str, Any]]]:
    yield from some_files(short=True)
    yield from sysctls()


def some_files(short: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from rules(short)
    yield "command", command()
    yield from files(short)
    yield from checksums()


MODES: dict[str, Callable[[], Iterator[tuple[str, dict[str, Any]]]]] = {
    "files": all_files,
    "short": short_files,
    "cmdline": as_booted,
    "signature": signature,
    "initcall": started,
    "rebooted": rebooted,
    "all": everything,
}


def main() -> None:
    answers: dict[str, Any] = {}
    for mode in sys.argv[1].split(","):
        answers |= dict(MODES[mode]())
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
