# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot a Debian system with systemd, run one command when it is up, and return what it said."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from . import cpio, image
from .cache import built
from .guest import Result, emulate
from .kernels import Kernel
from .modules import modules
from .systems import system

INSTALLED = (
    *("modprobe_ipsec", "data", "systemd", "container", "man", "completions"),
    *("Makefile", "pyproject.toml", "hatch_build.py", "locked", "scripts/library.py"),
)
"""What `make install` reads."""
UNITS = "/etc/systemd/system"
UNIT = "/usr/local/lib/systemd/system/modprobe-ipsec.service"
"""The installed unit. Link it into a daemon's `.wants` directory to enable it."""
MASKED = (
    # Coldplug loads what fits the CPU, on this host as on others: not the work of the tool.
    "systemd-udev-trigger.service",
    *("getty.target", "systemd-timesyncd.service", "systemd-logind.service"),
    *("dpkg-db-backup.timer", "fstrim.timer", "systemd-tmpfiles-clean.timer"),
)
"""Units that would be slow or in the way."""
INIT = """\
#!/bin/sh
# Only now: while the kernel boots, it must not find this and load modules by itself.
ln -s ../bin/kmod /usr/sbin/modprobe
exec /lib/systemd/systemd
"""
HARNESS = """\
[Unit]
Description=The command of a test
Wants=multi-user.target
After=multi-user.target

[Service]
# Started means done for systemd: the boot is then finished, as `systemd-analyze` wants it.
Type=exec
Environment=HOME=/root LANG=C.UTF-8
RuntimeDirectory=harness
ExecStart=/bin/sh /harness/run
"""
COMMAND_LINE = "systemd.unit=harness.service systemd.show_status=no"


def boot(
    kernel: Kernel,
    name: str,
    command: Sequence[str],
    *,
    timeout: float = 300,
    cpu: str = "max",
    cmdline: str = "",
    files: Mapping[str, bytes] | None = None,
    links: Mapping[str, str] | None = None,
    memory: int = 1536,
    layers: Iterable[Path] = (),
) -> Result:
    """Boot one of `systems.SYSTEMS` with the tool installed; run a command as root at the end.

    That is when multi-user.target is reached and all that it pulls in has started or failed.
    `links` are symbolic links by their own absolute paths, for one to enable a unit; `layers` are
    archives laid over the system; the rest is as for `guest.run`.
    """

    def build(initrd: Path) -> None:
        last = _run_part(kernel, command, files or {}, links or {})
        image.join((system(name), tool(), modules(kernel), *layers), last, initrd)

    return emulate(kernel, build, timeout, cpu, f"{COMMAND_LINE} {cmdline}", memory)


def _run_part(
    kernel: Kernel, command: Sequence[str], files: Mapping[str, bytes], links: Mapping[str, str]
) -> cpio.Archive:
    archive = cpio.Archive()
    archive.device("/dev/console", 5, 1)
    archive.file("/init", INIT.encode(), 0o755)
    # Not the first boot: systemd would enable every unit there is.
    archive.file("/etc/machine-id", b"0123456789abcdef0123456789abcdef\n")
    archive.file("/etc/hostname", b"guest\n")
    archive.file("/etc/hosts", b"127.0.0.1 localhost guest\n::1 localhost\n")
    archive.file(f"{UNITS}/harness.service", HARNESS.encode())
    for unit in MASKED:
        archive.link(f"{UNITS}/{unit}", "/dev/null")
    image.add_command(archive, command, files, kernel.answer, "reboot -ff")
    for path, target in links.items():
        archive.link(path, target)
    return archive


def tool() -> Path:
    """The archive with the tool as `make install` installs it."""
    tops = [image.REPOSITORY / name for name in INSTALLED]
    sources = [
        path
        for top in tops
        for path in ((top,) if top.is_file() else sorted(top.rglob("*")))
        if path.is_file() and path.suffix != ".pyc"
    ]

    def build() -> bytes:
        archive = cpio.Archive()
        with tempfile.TemporaryDirectory(prefix="modprobe-ipsec-install-") as work:
            _install(work)
            for directory, _, names in os.walk(work):
                for name in names:
                    path = Path(directory, name)
                    archive.copy(path, f"/{path.relative_to(work)}")
        return archive.pack()

    return built("tool.cpio", (Path(__file__), Path(cpio.__file__), *sources), build)


def _install(destination: str) -> None:
    command = ("make", "-C", image.REPOSITORY, "install", f"DESTDIR={destination}")
    done = subprocess.run(
        (*command, f"PYTHON={sys.executable}"), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"make install failed: {done.stderr.strip()[-2000:]}")
