# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot a kernel, run one command as root, and return what it said.

Debian's own kernels run under QEMU, user-mode-linux is a process like any other.
"""

import contextlib
import gzip
import os
import signal
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import image, uml
from .kernels import Kernel
from .process import ANSWER, CONSOLE, INITRD, Process
from .uml import UmlKernel
from .vmlinux import bootable

CONSOLE_TAIL = 4000
COMMAND_LINE = "quiet panic=-1 mitigations=off console=ttyS0"


@dataclass(frozen=True, slots=True)
class Result:
    """What a command in a guest did."""

    status: int
    """As a shell says it: 128 and more for a signal."""
    stdout: str
    stderr: str
    console: str
    """Whatever the kernel had to say meanwhile."""


class LostGuest(Exception):
    """The guest died, or said nothing in time; whether its command succeeded is unknown."""

    def __init__(self, reason: str, console: str) -> None:
        super().__init__(f"{reason}; the end of its console:\n{console[-CONSOLE_TAIL:]}")
        self.reason = reason
        self.console = console


def run(
    kernel: Kernel,
    command: Sequence[str],
    *,
    timeout: float = 60,
    cpu: str = "max",
    cmdline: str = "",
    files: Mapping[str, bytes] | None = None,
    layers: Iterable[Path] = (),
    memory: int = 768,
) -> Result:
    """Run a command in a fresh guest that has loaded no module.

    The kernel loads modules by itself when asked, through the real modprobe; a wrapper that records
    this goes into `files` and into /proc/sys/kernel/modprobe. `files` are put at
    absolute paths, executable if they start with `#!`; `cpu="qemu64"` has no AES instructions (a
    matter of QEMU alone); `cmdline` is added to the kernel's command line; `layers` are archives
    laid over the rest; `memory` is in MiB.
    """

    def build(initrd: Path) -> None:
        image.build(kernel, command, files or {}, layers, initrd)

    return emulate(kernel, build, timeout, cpu, cmdline, memory)


def emulate(
    kernel: Kernel,
    build: Callable[[Path], None],
    timeout: float,
    cpu: str,
    cmdline: str,
    memory: int,
) -> Result:
    """Boot a kernel with the initramfs that `build` writes, and wait for the answer."""

    def process(work: Path) -> Process:
        if isinstance(kernel, UmlKernel):
            return uml.process(kernel, work, cmdline, memory)
        return _qemu(kernel, work, cpu, cmdline, memory)

    return watched(build, process, timeout, lambda work: (work / ANSWER).read_bytes())


def watched(
    build: Callable[[Path], None],
    process: Callable[[Path], Process],
    timeout: float,
    answer: Callable[[Path], bytes],
) -> Result:
    """Start a guest in a directory of its own, in which `build` writes its initramfs and `answer`
    finds what it said; wait for its end."""
    with tempfile.TemporaryDirectory(prefix="modprobe-ipsec-vm-") as directory:
        work = Path(directory)
        build(work / INITRD)
        machine = process(work)
        status = _run_to_its_end(machine, timeout)
        console = _text(work / CONSOLE)
        if status is None:
            raise LostGuest(f"no answer within {timeout:g} s", console)
        if status:
            raise LostGuest(f"{machine.command[0]} failed: {_text(work / 'stderr')}", console)
        result = _parse(answer(work), console)
    if not result:
        raise LostGuest("the guest died without an answer", console)
    return result


def _qemu(kernel: Kernel, work: Path, cpu: str, cmdline: str, memory: int) -> Process:
    """The emulator."""
    command = (
        *("qemu-system-x86_64", "-M", "q35,accel=tcg", "-cpu", cpu, "-m", str(memory)),
        *("-nodefaults", "-no-reboot", "-display", "none"),
        *("-chardev", f"file,id=console,path={work / CONSOLE}", "-serial", "chardev:console"),
        *("-chardev", f"file,id=answer,path={work / ANSWER}", "-serial", "chardev:answer"),
        *("-kernel", str(bootable(kernel)), "-initrd", str(work / INITRD)),
        *("-append", f"{COMMAND_LINE} {cmdline}".rstrip()),
    )
    return Process(command, work, stdout=work / "stdout", stderr=work / "stderr")


def _run_to_its_end(process: Process, timeout: float) -> int | None:
    """Run a guest's process with all its children; its exit status, or None if it took too long."""
    with process.stdout.open("wb") as stdout, process.stderr.open("wb") as stderr:
        running = subprocess.Popen(
            process.command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=process.cwd,
            env={**os.environ, **process.environment},
            start_new_session=True,
        )
        try:
            return running.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            # also after the end of the first: user-mode-linux is one for each of its own
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _parse(answer: bytes, console: str) -> Result | None:
    """The answer as `image.MAGIC` describes it; None if it is not complete."""
    head, _, packed = answer.partition(b"\n")
    fields = head.decode(errors="replace").split()
    if len(fields) != 4 or fields[0] != image.MAGIC:
        return None
    try:
        status, size, error_size = map(int, fields[1:])
        output = gzip.decompress(packed)
    except (ValueError, EOFError, gzip.BadGzipFile, zlib.error):
        return None
    if len(output) != size + error_size:
        return None
    stdout, stderr = (part.decode(errors="replace") for part in (output[:size], output[size:]))
    return Result(status, stdout, stderr, console)
