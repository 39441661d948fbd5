# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest sees: user land, one kernel's modules, and what one run adds, as three archives.

One shape for all kernels: everything lies in the initramfs, since cloud kernels can mount nothing
without loading a module first. The first two archives are built once and kept in the cache.
"""

import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .cpio import Archive
from .interpreter import add_file
from .kernels import Kernel
from .modules import modules
from .userland import SYSTEM_PATH, program, userland

REPOSITORY = Path(__file__).resolve().parents[3]
CARRIED = ("modprobe_ipsec", "data", "pyproject.toml", "tests/vm/guests")
"""What a guest gets of the repository, at the same path, fresh in every run."""

INIT = """\
#!/bin/sh
# The first process: makes a minimal system, runs one command, sends back what it said.
export PATH={path} HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mount -t tmpfs -o mode=755 tmpfs /run
# Only now: while the kernel boots, it must not find this and load modules by itself.
[ -e /sbin/modprobe ] || ln -s {kmod} /sbin/modprobe
ln -sf /proc/self/fd /dev/fd
# Python waits for random numbers, and an old kernel without a source of them would take seconds.
[ "$(cat /proc/sys/kernel/random/entropy_avail)" -ge 128 ] || PYTHONHASHSEED=0 python3 -c "{credit}"
hostname guest
ip link set lo up
mkdir /run/harness
. /harness/run
"""
CREDIT = (
    "import fcntl, os, struct; "
    # include/uapi/linux/random.h RNDADDENTROPY: bits, bytes, and what they are
    "fcntl.ioctl(os.open('/dev/random', os.O_RDWR), 0x40085203, struct.pack('ii64x', 512, 64))"
)
"""Python that makes the kernel believe that it has random numbers."""
RUN = """\
# Runs the command, sends back what it said, and ends the guest.
cd /root
/bin/sh /harness/command </dev/null >/run/harness/stdout 2>/run/harness/stderr
status=$?
# Only now: nothing that the command does can garble what comes over this line.
exec 3<>{answer}
stty raw -echo 115200 <&3 2>/dev/null  # not every line has a speed
cd /run/harness
{{
    echo "{magic} $status $(stat -c %s stdout) $(stat -c %s stderr)"
    cat stdout stderr | gzip -1 -f  # even to a terminal
}} >&3
exec 3>&-
{halt}
"""
MAGIC = "modprobe-ipsec-guest"
"""First word of the answer. Then come a status, two lengths and, compressed, both outputs:
an emulated serial line carries 0.4 MB/s."""


def build(
    kernel: Kernel,
    command: Sequence[str],
    files: Mapping[str, bytes],
    layers: Iterable[Path],
    target: Path,
) -> None:
    """Write the initramfs for one run of a command."""
    join((userland(), modules(kernel), *layers), _run_part(kernel, command, files), target)


def join(parts: Iterable[Path], last: Archive, target: Path) -> None:
    """Write an initramfs of some archives, of which later ones replace files of earlier ones."""
    with target.open("wb") as image:
        for part in parts:
            with part.open("rb") as archive:
                shutil.copyfileobj(archive, image, 1 << 20)
        image.write(last.pack())


def _run_part(kernel: Kernel, command: Sequence[str], files: Mapping[str, bytes]) -> Archive:
    archive = Archive()
    # Python's directory comes last: its python3 must not hide the system's other programs.
    path = f"{SYSTEM_PATH}:{Path(sys.executable).parent}"
    init = INIT.format(path=path, kmod=program("kmod"), credit=CREDIT)
    archive.file("/init", init.encode(), 0o755)
    for carried in CARRIED:
        _add_tree(archive, REPOSITORY / carried)
    add_command(archive, command, files, kernel.answer, kernel.halt)
    return archive


def add_command(
    archive: Archive, command: Sequence[str], files: Mapping[str, bytes], answer: str, halt: str
) -> None:
    """Add one run's command, the script that runs it, and its files."""
    archive.file("/harness/run", RUN.format(magic=MAGIC, answer=answer, halt=halt).encode())
    archive.file("/harness/command", f"exec {shlex.join(command)}\n".encode())
    for name, data in files.items():
        archive.file(name, data, 0o755 if data.startswith(b"#!") else 0o644)


def _add_tree(archive: Archive, root: Path) -> None:
    paths = [root] if root.is_file() else sorted(root.rglob("*"))
    for path in paths:
        if path.is_file() and path.suffix != ".pyc":
            add_file(archive, path)
