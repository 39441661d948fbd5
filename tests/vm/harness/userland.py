# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a guest that is the same for all kernels: programs, Python and its packages.

Python and its virtual environment are this machine's own, at the same paths.
"""

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from . import cpio, interpreter
from .cache import built
from .interpreter import MissingError, add_file

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PROGRAMS = {
    "busybox": "busybox-static",
    "dash": "dash",
    "ip": "iproute2",
    "kmod": "kmod",
    "ldconfig": "libc-bin",
    "strace": "strace",
}
"""Programs in the guest, and the packages that this machine has them from."""
HOST_PROGRAMS = {"qemu-system-x86_64": "qemu-system-x86"}
KMOD_LINKS = ("insmod", "rmmod", "lsmod", "modinfo", "depmod")
LIBRARIES = {"libkmod.so.2": "libkmod2", "libudev.so.1": "libudev1"}
"""Libraries that Python opens by name: no program's dependencies show them. With their packages."""
ACCOUNTS = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n",
    "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "/etc/hostname": "guest\n",
}
"""Accounts and names that programs look up."""
DIRECTORIES = ("/dev", "/etc/modprobe.d", "/mnt", "/proc", "/root", "/run", "/sys", "/var/lib")


def missing(emulator: bool = False) -> str:
    """The one command that installs what this machine lacks, or nothing."""
    wanted = {**PROGRAMS, **(HOST_PROGRAMS if emulator else {})}
    packages = sorted(package for name, package in wanted.items() if not _which(name))
    return f"apt-get install {' '.join(packages)}" if packages else ""


def _which(name: str) -> Path | None:
    # An unprivileged user's PATH lacks the directories where ip and kmod's links may be.
    found = shutil.which(name, path=f"{SYSTEM_PATH}:{os.environ.get('PATH', '')}")
    return Path(found) if found else None


def program(name: str) -> Path:
    """Where this machine has a program."""
    found = _which(name)
    if not found:
        raise MissingError(missing())
    return found


@functools.cache
def userland() -> Path:
    """The archive with the programs, Python and its packages: the same for all kernels."""
    programs = {name: program(name) for name in PROGRAMS}
    libraries = _libraries_by_name()
    stdlib = list(interpreter.stdlib_files())
    packages = sorted(interpreter.package_files())
    interpreters = interpreter.executables()
    # Any change of a library that these bring along also changes the loader's cache.
    loader = Path("/etc/ld.so.cache")
    code = (Path(__file__), Path(cpio.__file__), Path(interpreter.__file__))
    sources = (*code, *programs.values(), *libraries, *stdlib, *packages, *interpreters, loader)

    def build() -> bytes:
        archive = cpio.Archive()
        archive.merge_usr()
        _add_system(archive, programs)
        for path in interpreters:
            archive.copy_with_links(path)
        for path in (*libraries, *stdlib, *packages, loader):
            add_file(archive, path)
        extensions = (path for path in (*stdlib, *packages) if path.suffix == ".so")
        binaries = (*programs.values(), *libraries, Path(sys.executable), *extensions)
        for library in _closure(binaries):
            archive.copy(library)
        return archive.pack()

    return built("userland.cpio", sources, build)


def _add_system(archive: cpio.Archive, programs: Mapping[str, Path]) -> None:
    archive.device("/dev/console", 5, 1)
    archive.device("/dev/null", 1, 3)
    for directory in DIRECTORIES:
        archive.directory(directory)
    archive.directory("/tmp", 0o1777)  # noqa: S108 - the guest's
    for name, text in ACCOUNTS.items():
        archive.file(name, text.encode())
    for path in programs.values():
        archive.copy(path)
    # Not busybox: its shell prefers its own applets, modprobe among them, to what PATH finds.
    archive.link("/bin/sh", programs["dash"])
    for name in KMOD_LINKS:
        archive.link(f"/sbin/{name}", programs["kmod"])
    real = {"sh", "modprobe", *programs, *KMOD_LINKS}
    listed = subprocess.run(
        (programs["busybox"], "--list-full"), check=True, capture_output=True, text=True
    )
    for applet in listed.stdout.split():
        if Path(applet).name not in real:
            archive.link(f"/{applet}", programs["busybox"])


def _libraries_by_name() -> list[Path]:
    listing = subprocess.run(
        (program("ldconfig"), "-p"), check=True, capture_output=True, text=True
    ).stdout
    found = []
    for name, package in LIBRARIES.items():
        match = re.search(rf"^\s*{re.escape(name)} \(.*x86-64.*\) => (.*)$", listing, re.MULTILINE)
        if not match:
            raise MissingError(f"{name} is missing: apt-get install {package}")
        found.append(Path(match[1]))
    return found


def _closure(binaries: Iterable[Path]) -> list[Path]:
    """All shared libraries that programs and libraries need, the dynamic loader included."""
    # ldd fails as a whole if one of them is static, and still prints the others.
    listing = subprocess.run(
        ("ldd", *map(str, binaries)), check=False, capture_output=True, text=True
    ).stdout
    found = re.findall(r"^\t(?:\S+ => )?(/\S+) \(0x", listing, re.MULTILINE)
    return sorted({Path(path) for path in found})
