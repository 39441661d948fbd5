# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's kernels as ordinary processes: user-mode-linux, booted in a second without emulation.

They are fetched like those for QEMU and take the same initramfs. What they lack: drivers for this
CPU's own ciphers, XFRM interfaces, IPv6 before its module is loaded, signatures and checksums of
modules, lockdown, and more than one CPU.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.debs import OracleError, unpacked

from .cache import locked
from .kernels import Kernel, KernelError, depmod
from .process import ANSWER, CONSOLE, INITRD, Process

SUITES = {"uml-5.10": "bullseye", "uml-6.1": "bookworm", "uml-6.12": "trixie", "uml-7": "sid"}
"""The kernels' short names, and the Debian release of each."""
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_LINKER = b"/lib64/ld-linux-x86-64.so.2\0"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


@dataclass(frozen=True, slots=True)
class UmlKernel(Kernel):
    """An unpacked user-mode-linux."""

    answer = "/dev/tty1"
    # 5.10 knows no `noreboot`
    halt = "poweroff -f"

    @property
    def config(self) -> None:
        """The package has no build configuration."""

    @property
    def program(self) -> Path:
        """What to start, in the directory with the C library of its own Debian release."""
        return self.root / "linux"


def lane(name: str) -> str:
    """The marker of tests on a kernel."""
    return "uml" if name in SUITES else "qemu"


def fetch(name: str) -> UmlKernel:
    """A kernel by its short name, from the cache if it is there. Raises KernelError."""
    try:
        root = unpacked(SUITES[name], ("user-mode-linux", "libc6"))
    except OracleError as error:
        raise KernelError(str(error)) from error
    (modules,) = (root / "usr/lib/uml/modules").iterdir()
    kernel = UmlKernel(name, modules.name, root)
    with locked(root.with_name("lock")):
        if not kernel.program.exists():
            _prepare(kernel)
    return kernel


def _prepare(kernel: UmlKernel) -> None:
    """Make it startable, and put its module directory where every other kernel has it."""
    link = kernel.root / "usr/lib/modules"
    link.unlink(missing_ok=True)
    link.symlink_to("uml/modules")
    # 5.10 comes with some that are empty
    depmod(kernel.root, kernel.release)
    unfinished = kernel.root / "linux.new"
    unfinished.write_bytes(_here((kernel.root / "usr/bin/linux.uml").read_bytes()))
    unfinished.chmod(0o755)
    unfinished.rename(kernel.program)


def _here(program: bytes) -> bytes:
    """The program with the dynamic linker of the directory in which it is started.

    It starts itself again, so that a linker cannot be put before it.
    """
    here = b"./" + _LINKER.rpartition(b"/")[2]
    return program.replace(_LINKER, here.ljust(len(_LINKER), b"\0"), 1)


def process(kernel: UmlKernel, work: Path, cmdline: str, memory: int) -> Process:
    """What to start; `memory` in MiB.

    The first console, with the kernel's messages, is stderr; the second, for the answer, stdout.
    """
    roomy = _SHARED_MEMORY.is_dir() and shutil.disk_usage(_SHARED_MEMORY).free > memory << 20
    command = (
        *(str(kernel.program), f"mem={memory}M", f"initrd={work / INITRD}", f"uml_dir={work}"),
        # no device for the root: it is a tmpfs then, which can be full
        "root=",
        *("con=null", "con0=null,fd:2", "con1=null,fd:1", "quiet", "panic=-1", "noreboot"),
        *cmdline.split(),
    )
    environment = {
        "LD_LIBRARY_PATH": ".",
        # where it keeps the file that is its memory
        "TMPDIR": str(_SHARED_MEMORY if roomy else work),
    }
    return Process(
        command,
        cwd=kernel.root / _LIBRARIES,
        stdout=work / ANSWER,
        stderr=work / CONSOLE,
        environment=environment,
    )
