# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests of other architectures: Debian's kernel, programs and Python of that architecture.

    python -m tests.vm.harness.foreign KERNEL [--userland ARCHITECTURE] COMMAND...

What `guest.run` is for this machine's own architecture. Kernel and user land may differ where a CPU
runs both, as armhf programs on an arm64 kernel. The emulators come from Debian 13 into the
cache, whatever this machine runs. A guest has one serial line, over which its answer comes, too.
"""

import argparse
import base64
import binascii
import functools
import os
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests import debs

from . import cpio, guest, image
from .cache import built
from .guest import LostGuest, Result
from .kernels import Kernel, fetch
from .machines import MACHINES
from .modules import modules
from .process import CONSOLE, INITRD, Process
from .product import PLACE, product
from .userland import SYSTEM_PATH

SUITES = ("trixie", "bookworm", "sid")
"""Debian's releases whose programs will do, the best first."""
EMULATORS = SUITES[:1]
PACKAGES = (
    *("python3-minimal", "libpython3-stdlib", "busybox-static", "dash", "iproute2", "kmod"),
    *("libkmod2", "strace"),
)
APPLETS = (
    *("base64", "cat", "cut", "gzip", "hostname", "ln", "ls", "mkdir", "mount", "poweroff"),
    *("rm", "sleep", "stat", "stty", "tar", "uname"),
)
"""What the guest's scripts take from busybox."""
UNUSED = (
    *("usr/share/*", "*/gconv/*", "usr/lib/python3*/test/*", "usr/lib/python3*/idlelib/*"),
    *("usr/lib/python3*/lib2to3/*", "usr/lib/python3*/ensurepip/*", "usr/bin/perl*", "*/perl*"),
    *("usr/lib/python3*/turtledemo/*", "usr/lib/python3*/tkinter/*", "usr/lib/python3*/pydoc*"),
    *("*/libdb-5*", "*/libsqlite3*", "usr/lib/python3*/_pyrepl/*", "usr/sbin/modprobe", "var/*"),
    *("usr/bin/localedef", "*/audit/*", "usr/lib/python3*/config-*", "etc/*", "*/libc.a"),
)
"""Files of the packages that nothing in a guest reads, and one that must be late (`image.INIT`)."""
COMMAND_LINE = (
    "quiet loglevel=1 panic=-1 mitigations=off random.trust_cpu=on cryptomgr.notests=1 console="
)
RUN = """\
# Runs the command, and ends the guest with its answer: the last thing on the console.
export PYTHONPATH={place}
cd /root
/bin/sh /harness/command </dev/null >/run/harness/stdout 2>/run/harness/stderr
status=$?
cd /run/harness
exec >/dev/console
echo
echo "{magic} $status $(stat -c %s stdout) $(stat -c %s stderr)"
cat stdout stderr | gzip -1 -f | base64
echo "{magic}-end"
sleep 1
poweroff -f
"""


def userland(architecture: str) -> Path:
    """The archive with an architecture's programs and Python, byte code included."""
    suite, root = debs.with_dependencies(SUITES, PACKAGES, architecture)
    code = (Path(__file__), Path(cpio.__file__), root)

    def build() -> bytes:
        archive = cpio.Archive()
        archive.merge_usr()
        archive.device("/dev/console", 5, 1)
        archive.device("/dev/null", 1, 3)
        for directory in ("/etc/modprobe.d", "/proc", "/root", "/run", "/sys", "/tmp"):  # noqa: S108
            archive.directory(directory)
        archive.file("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        archive.file("/etc/group", b"root:x:0:\n")
        archive.file("/etc/os-release", f"ID=debian\nVERSION_CODENAME={suite}\n".encode())
        with tempfile.TemporaryDirectory() as directory:
            tar = Path(directory, "tree.tar")
            excluded = (f"--exclude=./{pattern}" for pattern in UNUSED)
            _run("cp", "-a", f"{root}/.", f"{directory}/tree")
            for python in Path(directory, "tree/usr/lib").glob("python3*"):
                compiled(suite, python)
            _run("tar", "-C", f"{directory}/tree", "-cf", str(tar), *excluded, "./usr")
            with tarfile.open(tar) as tree:
                archive.copy_tar(tree)
        archive.link("/bin/sh", "dash")
        for applet in APPLETS:
            archive.link(f"/usr/local/bin/{applet}", "/bin/busybox")
        return archive.pack()

    return built(f"userland-{architecture}.cpio", code, build)


def compiled(suite: str, directory: Path) -> None:
    """Make byte code of all Python below a directory, as the Python of a release reads it.

    A guest would take minutes. That release's Python for this machine does it.
    """
    _, root = debs.with_dependencies((suite,), PACKAGES)
    command = debs.start(root, "usr/bin/python3")
    arguments = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", directory)
    environment = {**os.environ, "PYTHONHOME": str(root / "usr")}
    # some of the standard library's own tests cannot be compiled
    subprocess.run([*command, *arguments], env=environment, capture_output=True, check=False)


def run(
    kernel: Kernel,
    command: Sequence[str],
    *,
    userland_of: str = "",
    cpu: str = "",
    cmdline: str = "",
    files: Mapping[str, bytes] | None = None,
    timeout: float = 600,
    memory: int = 1024,
) -> Result:
    """As `guest.run`; `userland_of` is another architecture than the kernel's.

    The product can be imported, and is run as `python3 -m modprobe_ipsec`. Self-tests of
    algorithms are off unless `cmdline` says `cryptomgr.notests=0`: emulated, they take minutes.
    """
    architecture = userland_of or kernel.architecture
    suite, _ = debs.with_dependencies(SUITES, PACKAGES, architecture)
    ours = product(suite, functools.partial(compiled, suite))
    parts = (userland(architecture), modules(kernel), ours)

    def build(initrd: Path) -> None:
        image.join(parts, _run_part(command, files or {}), initrd)

    def process(work: Path) -> Process:
        return _qemu(kernel, work, cpu, cmdline, memory)

    return guest.watched(build, process, timeout, _answer)


def _run_part(command: Sequence[str], files: Mapping[str, bytes]) -> cpio.Archive:
    archive = cpio.Archive()
    path = SYSTEM_PATH
    init = image.INIT.format(path=path, kmod="/usr/bin/kmod", credit="pass")
    archive.file("/init", init.encode(), 0o755)
    archive.file("/harness/run", RUN.format(place=PLACE, magic=image.MAGIC).encode())
    archive.file("/harness/command", f"exec {shlex.join(command)}\n".encode())
    for script in sorted((image.REPOSITORY / "tests/vm/guests").glob("*.py")):
        archive.file(f"/guests/{script.name}", script.read_bytes())
    for name, data in files.items():
        archive.file(name, data, 0o755 if data.startswith(b"#!") else 0o644)
    return archive


def _qemu(kernel: Kernel, work: Path, cpu: str, cmdline: str, memory: int) -> Process:
    machine = MACHINES[kernel.architecture]
    _, root = debs.with_dependencies(EMULATORS, (machine.package, "qemu-system-data"))
    program, *kind = machine.emulator
    command = (
        *map(str, debs.start(root, f"usr/bin/{program}")),
        *("-L", str(root / "usr/share/qemu"), "-L", str(root / "usr/share/seabios")),
        *(*kind, "-accel", "tcg", "-cpu", cpu or machine.cpu, "-m", str(memory)),
        *("-nodefaults", "-no-reboot", "-display", "none", "-nic", "none"),
        *("-chardev", f"file,id=console,path={work / CONSOLE}", *machine.line),
        *("-kernel", str(kernel.vmlinuz), "-initrd", str(work / INITRD)),
        *("-append", f"{COMMAND_LINE}{machine.console} {cmdline}".rstrip()),
    )
    return Process(command, work, stdout=work / "stdout", stderr=work / "stderr")


def _answer(work: Path) -> bytes:
    """The answer, as `guest` reads it, from what was on the console."""
    text = (work / CONSOLE).read_text(errors="replace").replace("\r", "")
    answer = text.rpartition(f"\n{image.MAGIC} ")[2]
    head, _, rest = answer.partition("\n")
    packed, ended, _ = rest.partition(f"{image.MAGIC}-end")
    try:
        data = base64.b64decode(re.sub(r"\s", "", packed), validate=True) if ended else b""
    except binascii.Error:
        return b""
    return f"{image.MAGIC} {head}\n".encode() + data


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def main() -> int:
    """Run one command in a guest and say what it said."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("kernel")
    parser.add_argument("--userland", default="", metavar="ARCHITECTURE")
    parser.add_argument("--cpu", default="")
    parser.add_argument("--cmdline", default="")
    parser.add_argument("--timeout", type=float, default=600)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    try:
        result = run(
            fetch(args.kernel),
            args.command,
            userland_of=args.userland,
            cpu=args.cpu,
            cmdline=args.cmdline,
            timeout=args.timeout,
        )
    except LostGuest as error:
        sys.exit(str(error))
    sys.stdout.write(result.stdout)
    sys.stderr.write(result.stderr)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
