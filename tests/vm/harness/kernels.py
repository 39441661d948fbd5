# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's kernels, fetched by name and unpacked into a cache outside the tree.

    python -m tests.vm.harness.kernels [--refresh] [NAME...]

No point release is written down here: Debian's meta packages say which one is current.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from .apt import ARCHITECTURE, Apt, AptError, Package
from .cache import cache_directory, locked


@dataclass(frozen=True, slots=True)
class Source:
    """Where a kernel comes from."""

    suites: tuple[str, ...]
    flavour: str = "amd64"
    """The end of its packages' names. The package linux-image-FLAVOUR names the current image."""
    series: str = ""
    """Take the newest image of this series instead, whatever the meta package points to."""
    default: bool = True
    """Part of the set that the tests run on unless told otherwise."""
    architecture: str = ARCHITECTURE
    """As Debian calls it."""


SOURCES: dict[str, Source] = {
    "5.10": Source(("bullseye-security",)),
    "6.1": Source(("bookworm-security",)),
    "6.1-cloud": Source(("bookworm-security",), flavour="cloud-amd64"),
    "6.12": Source(("trixie-security",)),
    "6.18": Source(("trixie-backports",), series="6.18"),
    "7.2": Source(("sid",), series="7.2", default=False),
    "7": Source(("trixie-backports", "sid")),
}
# Kernels of other machines, which `harness/foreign.py` boots: 6.12-s390x is Debian 13's.
_FLAVOURS = {
    "arm64": "arm64",
    "armhf": "armmp",
    "ppc64el": "powerpc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}
# Where a mirror lacks their security updates, the last point release serves as well.
_RELEASES = {"6.1": ("bookworm",), "6.12": ("trixie",)}
SOURCES |= {
    f"{name}-{architecture}": replace(
        SOURCES[name],
        suites=(*SOURCES[name].suites, *_RELEASES.get(name, ())),
        series=name,
        flavour=flavour,
        architecture=architecture,
        default=False,
    )
    for architecture, flavour in _FLAVOURS.items()
    for name in (("6.1", "6.12", "6.18", "7") if architecture == "arm64" else ("6.12", "7"))
}
SOURCES["6.1-i386"] = Source(
    ("bookworm-security", "bookworm"),
    series="6.1",
    flavour="686-pae",
    architecture="i386",
    default=False,
)
DEFAULT = tuple(name for name, source in SOURCES.items() if source.default)


class KernelError(Exception):
    """A kernel could not be had."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """An unpacked kernel."""

    name: str
    release: str
    """What `uname -r` says."""
    root: Path
    """The directory its packages are unpacked into, e.g. for `--root` or `depmod -b`."""
    architecture: str = ARCHITECTURE
    """As Debian calls it."""

    answer: ClassVar = "/dev/ttyS1"
    """The line over which a guest sends back what its command said."""
    halt: ClassVar = "reboot -f"
    """The command that ends a guest."""

    @property
    def modules(self) -> Path:
        """Its module directory with depmod's indexes."""
        return self.root / "lib/modules" / self.release

    @property
    def vmlinuz(self) -> Path:
        """The image to boot; some architectures' is not compressed and called vmlinux."""
        packed = self._either(f"boot/vmlinuz-{self.release}", "vmlinuz")
        return (
            packed if packed.exists() else self._either(f"boot/vmlinux-{self.release}", "vmlinux")
        )

    @property
    def config(self) -> Path | None:
        """Its build configuration, at the place where its package puts it."""
        path = self._either(f"boot/config-{self.release}", "config")
        return path if path.exists() else None

    def _either(self, in_boot: str, in_modules: str) -> Path:
        """Since the packages were split (6.19), what was in /boot lies beside the modules."""
        path = self.root / in_boot
        return path if path.exists() else self.modules / in_modules


def fetch(name: str, *, refresh: bool = False) -> Kernel:
    """Return a kernel by its short name; the mirror is asked only if need be, or to refresh."""
    if name not in SOURCES:
        raise KernelError(f"unknown kernel {name!r}: choose from {', '.join(SOURCES)}")
    directory = cache_directory() / "kernels"
    if not refresh and (kernel := _cached(directory, name)):
        return kernel
    with locked(directory / "lock"):
        if not refresh and (kernel := _cached(directory, name)):
            return kernel
        try:
            return _fetch(directory, name, refresh)
        except (AptError, OSError, subprocess.CalledProcessError) as error:
            raise KernelError(f"cannot fetch kernel {name}: {error}") from error


def _cached(directory: Path, name: str) -> Kernel | None:
    """A short name is a link to an unpacked tree, which only exists once it is complete."""
    link = directory / name
    if not link.exists():
        return None
    root = link.resolve()
    return Kernel(name, root.name.partition("_")[0], root, SOURCES[name].architecture)


def _fetch(directory: Path, name: str, refresh: bool) -> Kernel:
    source = SOURCES[name]
    # The suites of all its kernels at once: the next kernel then needs no update of the lists.
    architecture = source.architecture
    suites = {
        suite
        for each in SOURCES.values()
        if each.architecture == architecture
        for suite in each.suites
    }
    own = "" if architecture == ARCHITECTURE else f"-{architecture}"
    apt = Apt(directory / f"apt{own}", suites, architecture)
    apt.update(force=refresh)
    failed: Exception = KernelError(f"no image of {name} in {', '.join(source.suites)}")
    for image in _images(apt, source):
        release = image.name.removeprefix("linux-image-")
        # The version is part of the name: one release string can be built more than once.
        root = directory / f"{release}_{image.version}"
        try:
            if not root.exists():
                _install(apt, _parts(apt, image, source.suites), release, root)
            break
        except AptError as error:
            # in the list, and not on the mirror: with a series there is an older one
            failed = error
    else:
        raise failed
    link = directory / f".{name}.new"
    link.unlink(missing_ok=True)
    link.symlink_to(root.name)
    link.replace(directory / name)
    return Kernel(name, release, root, architecture)


def _images(apt: Apt, source: Source) -> Iterator[Package]:
    """The image package that a source means today; with a series also older ones, newest first."""
    if source.series:
        # One hyphenated number at most: no cloud, rt, unsigned or dbg packages.
        names = apt.names(rf"linux-image-{re.escape(source.series)}\.[^-]*(-\d+)?-{source.flavour}")
        names.sort(key=lambda name: [int(number) for number in re.findall(r"\d+", name)])
        for name in reversed(names):
            if image := apt.newest(name, source.suites):
                yield image
        return
    meta = apt.newest(f"linux-image-{source.flavour}", source.suites)
    for name in meta.depends if meta else ():
        if name.startswith("linux-image-") and (image := apt.newest(name, source.suites)):
            yield image


def _parts(apt: Apt, image: Package, suites: Sequence[str]) -> list[Package]:
    """The image and the packages of the same release that it is split into since 6.19."""
    release = image.name.removeprefix("linux-image-")
    parts = {image.name: image}
    queue = [image]
    while queue:
        for name in queue.pop().depends:
            # An old image outlives its linux-base in the archive; what matters is checked later.
            if (
                name.endswith(f"-{release}")
                and name not in parts
                and (part := apt.newest(name, suites))
            ):
                parts[name] = part
                queue.append(part)
    return list(parts.values())


def _install(apt: Apt, packages: Sequence[Package], release: str, root: Path) -> None:
    """Download and unpack; `root` appears in one step, complete with depmod's indexes."""
    for abandoned in root.parent.glob(".fetch-*"):  # by a process that was killed
        shutil.rmtree(abandoned)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=root.parent) as work:
        tree, archives = Path(work, "root"), Path(work, "archives")
        tree.mkdir()
        archives.mkdir()
        for archive in apt.download(packages, archives):
            _run("dpkg-deb", "-x", str(archive), str(tree))
        if not (tree / "lib/modules").exists():
            (tree / "lib").symlink_to("usr/lib")
        kernel = Kernel("", release, tree)
        if not (kernel.vmlinuz.exists() and kernel.config):
            raise KernelError(f"the packages of {release} lack the kernel or its configuration")
        depmod(tree, release)
        tree.rename(root)


def depmod(root: Path, release: str) -> None:
    """Make the indexes of a module directory, as the installation of its package does."""
    _run("depmod", "-b", str(root), release)


def _run(program: str, *arguments: str) -> None:
    """Run a system program, found also where an unprivileged user's PATH does not look."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    found = shutil.which(program, path=path)
    if not found:
        raise KernelError(f"{program} is not installed: apt-get install dpkg kmod")
    subprocess.run((found, *arguments), check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the kernels named, or the default set, and say where they are."""
    program = "python -m tests.vm.harness.kernels"
    parser = argparse.ArgumentParser(prog=program, description=main.__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=", ".join(SOURCES))
    parser.add_argument("--refresh", action="store_true", help="ask the mirror what is current")
    options = parser.parse_args(arguments)
    for name in options.names or DEFAULT:
        try:
            kernel = fetch(name, refresh=options.refresh)
        except KernelError as error:
            sys.exit(str(error))
        print(kernel.name, kernel.release, kernel.root, sep="\t", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
