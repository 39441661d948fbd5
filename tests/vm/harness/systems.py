# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian systems with systemd and one IKE daemon each, built from packages, as archives.

python -m tests.vm.harness.systems [NAME...]
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import cpio
from .apt import AptError, source_lines, transport_settings
from .cache import cache_directory, locked


@dataclass(frozen=True, slots=True)
class System:
    """What a system is made of."""

    suite: str
    daemon: tuple[str, ...]
    """Debian's packages of the daemon."""


LIBRESWAN = ("libreswan",)
STRONGSWAN = ("charon-systemd", "strongswan-swanctl", "libstrongswan-standard-plugins")
SYSTEMS = {
    "bookworm-libreswan": System("bookworm", LIBRESWAN),  # 4.10
    "bookworm-strongswan": System("bookworm", STRONGSWAN),  # 5.9.8
    "trixie-libreswan": System("trixie", LIBRESWAN),  # 5.2
    "trixie-strongswan": System("trixie", STRONGSWAN),  # 6.0.1
}
COMMON = (
    *("systemd", "systemd-sysv", "udev", "kmod", "libkmod2", "libudev1", "iproute2"),
    *("iputils-ping", "procps", "python3", "usr-is-merged"),
)
EXCLUDED = (
    *("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*", "/usr/share/info/*"),
    *("*/udev/hwdb.d/*", "/usr/lib/*/gconv/*", "/usr/lib/*/libicudata.so*"),
    *("/sbin/modprobe", "/usr/sbin/modprobe"),  # the first process makes the link, see booted.INIT
)
"""Files of packages that are large and that nothing in a guest reads, and one that must be late."""


class BuildError(Exception):
    """A system could not be built; the text is that of the program that failed."""


def system(name: str) -> Path:
    """The archive with a system's whole tree, built if there is none yet of this code's making."""
    made = SYSTEMS[name]
    directory = cache_directory() / "systems"
    code = Path(__file__).read_bytes() + Path(cpio.__file__).read_bytes()
    path = directory / f"{name}-{hashlib.sha256(code).hexdigest()[:16]}.cpio"
    # one lock for each suite: its systems share the downloads
    with locked(directory / f"{made.suite}.lock"):
        if not path.exists():
            for outdated in directory.glob(f"{name}-*"):
                outdated.unlink()
            try:
                _build(made, directory / f"packages-{made.suite}", path)
            except (AptError, OSError) as error:
                raise BuildError(f"cannot build {name}: {error}") from error
    return path


def systems(names: Iterable[str]) -> None:
    """Build several systems, two suites at the same time."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(system, names))


def _build(made: System, packages: Path, target: Path) -> None:
    packages.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as work:
        tar, unfinished = Path(work, "tree.tar"), Path(work, "tree.cpio")
        _bootstrap(made, packages, tar)
        archive = cpio.Archive()
        with tarfile.open(tar) as tree:
            archive.copy_tar(tree)
        unfinished.write_bytes(archive.pack())
        unfinished.rename(target)


def _bootstrap(made: System, packages: Path, tar: Path) -> None:
    program = shutil.which("mmdebstrap")
    if not program:
        raise BuildError("mmdebstrap is missing: apt-get install mmdebstrap")
    inside = "/var/cache/apt/archives/"
    command = (
        *(program, "--quiet", "--variant=essential", "--format=tar"),
        *(f"--aptopt={line}" for line in transport_settings()),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED),
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        # what one system fetched, the next one of its suite need not
        *("--skip=download/empty", "--skip=essential/unlink"),
        *(f'--setup-hook=mkdir -p "$1"{inside}', f"--setup-hook=sync-in {packages} {inside}"),
        f"--customize-hook=sync-out {inside} {packages}",
        # as libreswan's first start leaves it behind; under emulation it takes seconds
        '--customize-hook=! [ -x "$1/usr/sbin/ipsec" ] || chroot "$1" ipsec checknss',
        f"--include={','.join((*COMMON, *made.daemon))}",
        *(made.suite, str(tar), "-"),
    )
    sources = source_lines((made.suite, f"{made.suite}-security"))
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    done = subprocess.run(
        command,
        input=sources,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"},
    )
    if done.returncode:
        raise BuildError(f"mmdebstrap failed: {done.stderr.strip()[-2000:]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the systems named, or all, and say where they are."""
    program = "python -m tests.vm.harness.systems"
    parser = argparse.ArgumentParser(prog=program, description=main.__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", choices=[*SYSTEMS, []])
    names = parser.parse_args(arguments).names or list(SYSTEMS)
    systems(names)
    for name in names:
        path = system(name)
        print(name, path.stat().st_size, path, sep="\t", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
