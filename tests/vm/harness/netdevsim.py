# SPDX-License-Identifier: GPL-3.0-or-later
"""netdevsim, the kernel's own network card without hardware, whose driver takes ESP offload.

Debian's kernels come without it: it is built from their source package, with their headers. Once
that is done, `modprobe psample; insmod netdevsim.ko; echo "1 1" >/sys/bus/netdevsim/new_device`
makes a card.
"""

import subprocess
import tempfile
from pathlib import Path

from .apt import Apt, AptError
from .cache import cache_directory, locked
from .kernels import Kernel

SUITES = ("bookworm-security", "bookworm")
"""Of Debian 12, whose kernel this machine's compiler takes, whichever it is."""
_DRIVER = "drivers/net/netdevsim"


class BuildError(Exception):
    """The module cannot be had; the text says why."""


def module(kernel: Kernel) -> bytes:
    """The module for a kernel of Debian 12, built once and kept. Raises BuildError."""
    directory = cache_directory() / "netdevsim"
    target = directory / f"{kernel.root.name}.ko"
    with locked(directory / "lock"):
        if not target.exists():
            with tempfile.TemporaryDirectory(prefix=".build-", dir=directory) as work:
                try:
                    _build(kernel.release, Apt(directory / "apt", SUITES), Path(work))
                except subprocess.CalledProcessError as error:
                    raise BuildError(f"netdevsim: {error}: {error.stderr}") from error
                except (AptError, OSError) as error:
                    raise BuildError(f"netdevsim: {error}") from error
                Path(work, "netdevsim.ko").rename(target)
        return target.read_bytes()


def _build(release: str, apt: Apt, work: Path) -> None:
    series = ".".join(release.split(".")[:2])
    flavour = release.rpartition("-")[2]
    headers = f"linux-headers-{release}"
    common = f"{headers.removesuffix(flavour)}common"
    names = (f"linux-source-{series}", headers, common, f"linux-kbuild-{series}")
    apt.update()
    packages = {name: apt.newest(name, SUITES) for name in names}
    if missing := [name for name, package in packages.items() if not package]:
        refresh = f"python -m tests.vm.harness.kernels --refresh {series}"
        raise AptError(f"no package {', '.join(missing)}: is the kernel still current? {refresh}")
    for archive in apt.download(filter(None, packages.values()), work):
        _sh(f"dpkg-deb -x {archive} root", work)
    _sh(f"tar -xf root/usr/src/linux-source-{series}.tar.xz linux-source-{series}/{_DRIVER}", work)
    tree = work / "root/usr/src"
    # it names the other package by its place in a system
    (tree / headers / "Makefile").write_text(f"include {tree / common}/Makefile\n")
    driver = work / f"linux-source-{series}" / _DRIVER
    _sh(f"make -s -C {tree / headers} M={driver} CC=gcc CONFIG_NETDEVSIM=m modules", work)
    _sh(f"strip -g -o netdevsim.ko {driver}/netdevsim.ko", work)


def _sh(command: str, work: Path) -> None:
    subprocess.run(command.split(), cwd=work, check=True, capture_output=True, text=True)
