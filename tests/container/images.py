# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of container/Containerfile.*, built by Podman as their users build them.

No registry is asked for an image: what stands after FROM is made of Debian's packages. In there,
apt and pip reach their mirrors as they do on this machine.

python -m tests.container.images [NAME...]
"""

import ast
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.vm.harness.apt import source_lines, transport_settings
from tests.vm.harness.cache import cache_directory, locked

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = ("libreswan", "strongswan", "openiked")
"""What is built here. Not Alpine's: what stands after FROM is made of Debian's packages."""
SUITE = "trixie"
BASE = "docker.io/library/debian:13-slim"
EXCLUDED = tuple(f"/usr/share/{name}/*" for name in ("doc", "info", "locale", "man"))
"""Left out of the base as in Debian's own slim images."""
APT = """\
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };
"""
"""Keeps apt's caches out of an image, as docker-clean does in Debian's own."""
HOME = "/root"
"""Of who builds, in an image."""
# what of pip's settings leads to a mirror
PIP = ("index-url", "proxy", "trusted-host")
STORAGE = '[storage]\ndriver = "vfs"\ngraphroot = "{0}/graph"\nrunroot = "{0}/run"\n'
# lower than podman's own, which not every root may set
CONTAINERS = """\
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:8192"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class ImageError(Exception):
    """An image could not be built; the text is that of the program that failed."""


class Engine:
    """Podman with images and containers of its own, below a directory."""

    def __init__(self, directory: Path) -> None:
        (directory / "storage.conf").write_text(STORAGE.format(directory))
        (directory / "containers.conf").write_text(CONTAINERS)
        self._environment = {
            **os.environ,
            "CONTAINERS_STORAGE_CONF": str(directory / "storage.conf"),
            "CONTAINERS_CONF": str(directory / "containers.conf"),
        }

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """One command of Podman, and all that it said."""
        command = ("podman", "--runtime", shutil.which("runc") or "runc", *words)
        return subprocess.run(
            command, capture_output=True, text=True, cwd=REPOSITORY, env=self._environment
        )

    def must(self, *words: str | Path) -> str:
        """The same for what has to succeed. Raises ImageError."""
        done = self.run(*words)
        if done.returncode:
            raise ImageError(f"podman {words[0]} failed: {done.stderr.strip()[-3000:]}")
        return done.stdout


def image(name: str) -> Path:
    """The archive of an image, for `podman load`; built if there is none of these sources."""
    containerfile = REPOSITORY / f"container/Containerfile.{name}"
    state = hashlib.sha256(Path(__file__).read_bytes() + containerfile.read_bytes())
    for path in _context():
        state.update(f"{path}\0".encode() + path.read_bytes())
    directory = cache_directory() / "images"
    target = directory / f"{name}-{state.hexdigest()[:16]}.tar"
    with locked(directory / f"{name}.lock"):
        if not target.exists():
            for outdated in directory.glob(f"{name}-*"):
                outdated.unlink()
            with tempfile.TemporaryDirectory(prefix=".build-", dir=directory) as work:
                _build(containerfile, Path(work), target)
    return target


def build_command(containerfile: Path) -> list[str]:
    """The command by which a Containerfile says that it is built."""
    (line,) = re.findall("^# From the repository: (.*)", containerfile.read_text(), re.MULTILINE)
    return shlex.split(line)


def base() -> Path:
    """The archive with the root of what stands after FROM."""
    directory = cache_directory() / "images"
    state = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    target = directory / f"{SUITE}-{state}.tar"
    with locked(directory / f"{SUITE}.lock"):
        if not target.exists():
            for outdated in directory.glob(f"{SUITE}-*"):
                outdated.unlink()
            _bootstrap(directory / f".{SUITE}.new")
            (directory / f".{SUITE}.new").rename(target)
    return target


def _context() -> list[Path]:
    """What .dockerignore lets into a build."""
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    tops = [REPOSITORY / line[1:] for line in lines if line.startswith("!")]
    found = [path for top in tops for path in ((top,) if top.is_file() else top.rglob("*"))]
    return sorted(p for p in found if p.is_file() and p.parent.name != "__pycache__")


def _build(containerfile: Path, work: Path, target: Path) -> None:
    engine = Engine(work)
    assert set(re.findall(r"^FROM (\S+)", containerfile.read_text(), re.MULTILINE)) == {
        BASE.rpartition("/")[2]
    }
    engine.must("import", "--quiet", base(), BASE)
    home, apt = work / "home", work / "apt"
    _configure(home, apt)
    podman, build, *words = build_command(containerfile)
    assert (podman, build) == ("podman", "build")
    engine.must(
        *("build", "--pull=never", "--layers=false", "--isolation=chroot", "--network=host"),
        # over directories that an image has, so that nothing of it is left there
        *(f"--volume={home}:{HOME}", f"--volume={apt}:/etc/apt/apt.conf.d"),
        *words,
    )
    unfinished = work / "image.tar"
    engine.must("save", "--quiet", "--output", unfinished, "localhost/ike:latest")
    unfinished.rename(target)


def _configure(home: Path, apt: Path) -> None:
    """How apt and pip reach their mirrors here, for a build."""
    (home / ".pip").mkdir(parents=True)
    apt.mkdir()
    (apt / "99build").write_text("\n".join([*transport_settings(), APT]))
    pip = (sys.executable, "-m", "pip", "config", "list")
    listed = subprocess.run(pip, capture_output=True, text=True, check=True).stdout
    settings = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        settings[name.rpartition(".")[2]] = ast.literal_eval(value)
    lines = ["[global]", *(f"{name} = {settings[name]}" for name in PIP if name in settings)]
    if "cert" in settings:
        shutil.copy(settings["cert"], home / ".pip/ca.crt")
        lines.append(f"cert = {HOME}/.pip/ca.crt")
    (home / ".pip/pip.conf").write_text("\n".join([*lines, ""]))


def _bootstrap(target: Path) -> None:
    command = (
        *("mmdebstrap", "--quiet", "--variant=minbase", "--format=tar"),
        *(f"--aptopt={line}" for line in transport_settings()),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED),
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        # this machine's own
        '--customize-hook=rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"',
        *(SUITE, str(target), "-"),
    )
    done = subprocess.run(
        command,
        input=source_lines((SUITE, f"{SUITE}-security")),
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
    )
    if done.returncode:
        raise ImageError(f"mmdebstrap failed: {done.stderr.strip()[-2000:]}")


def main(names: Iterable[str]) -> None:
    """Build the images named, or all, and say where they are."""
    for name in names:
        path = image(name)
        print(name, path.stat().st_size, path, sep="\t", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)
