# SPDX-License-Identifier: GPL-3.0-or-later
"""Podman takes the flags of `docker run` and the CDI device, and starts nothing without modules.

Which modules are there is made up, in a mount namespace; that they are loaded is shown in guests.
"""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from modprobe_ipsec.manifest import formats
from modprobe_ipsec.manifest.engines.cdi import DEVICE
from modprobe_ipsec.manifest.model import ManifestOptions
from tests.container.images import CONTAINERS, STORAGE
from tests.manifest.common import NEEDS, plan

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts containers here")

PLAN = plan("modprobe-empty", NEEDS)
NEEDED = [module.name for module in PLAN.modules if module.must_come and not module.accelerator]
# $1: CDI file, $2: modules that are there, and after them the command
_START = """
set -e
mount -t tmpfs none /run
mkdir /run/cdi
cp "$1" /run/cdi/
mount -t tmpfs none /sys/module
for module in $2; do mkdir /sys/module/$module; done
mount --bind /bin/true "$(command -v modprobe)"
shift 2
exec "$@"
"""


def flags() -> list[str]:
    """The flags that we print, without the ports: this container has no network."""
    text = formats.write("docker", PLAN, ManifestOptions())[0].text
    words = shlex.split(text.replace("\\\n", " "), comments=True)
    assert words[:5] == ["set", "-eu", "docker", "run", "-d"]
    ports = [number for number, word in enumerate(words) if word == "-p"]
    dropped = {number + more for number in ports for more in (0, 1)}
    return [word for number, word in enumerate(words) if number not in dropped][5:-1]


def run(tmp_path: Path, device: str, loaded: list[str]) -> subprocess.CompletedProcess[str]:
    """Start a container with the flags, this CDI file, and these modules loaded."""
    root = tmp_path / "root"
    for name in ("bin", "proc", "dev", "sys", "run", "etc"):
        (root / name).mkdir(parents=True, exist_ok=True)
    busybox = shutil.which("busybox")
    # a skip would look like success
    assert busybox and shutil.which("podman") and shutil.which("runc")
    shutil.copy(busybox, root / "bin/sh")
    cdi = tmp_path / "modprobe-ipsec.json"
    cdi.write_text(device)
    (tmp_path / "storage.conf").write_text(STORAGE.format(tmp_path))
    (tmp_path / "containers.conf").write_text(CONTAINERS)
    podman = ("podman", "--runtime", shutil.which("runc") or "", "run", "--rm", "--network=none")
    show = ("sh", "-c", "while read line; do echo $line; done <$0", "/proc/self/status")
    start = ("unshare", "--mount", "sh", "-c", _START, "sh", cdi, " ".join(loaded))
    return subprocess.run(
        [*start, *podman, *flags(), "--rootfs", str(root), *show],
        capture_output=True,
        text=True,
        timeout=120,
        env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "CONTAINERSSTORAGE_CONF": f"{tmp_path}/storage.conf",
            "CONTAINERS_CONF": f"{tmp_path}/containers.conf",
        },
    )


def test_flags_and_device_start_the_container(tmp_path: Path) -> None:
    assert DEVICE in flags()
    done = run(tmp_path, formats.write("cdi", PLAN, ManifestOptions())[0].text, NEEDED)
    assert (done.returncode, done.stderr) == (0, "")
    # NET_ADMIN and NET_BIND_SERVICE, and nothing else: include/uapi/linux/capability.h
    assert f"CapBnd: {(1 << 12) + (1 << 10):016x}\n" in done.stdout
    assert "NoNewPrivs: 1\n" in done.stdout


@pytest.mark.parametrize("module", ["esp4", NEEDED[-1]])
def test_it_does_not_start_without_a_module(module: str, tmp_path: Path) -> None:
    loaded = [name for name in NEEDED if name != module]
    done = run(tmp_path, formats.write("cdi", PLAN, ManifestOptions())[0].text, loaded)
    assert done.returncode == 126 and f"{module} is not loaded" in done.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("createRuntime", "createRuntimes"),
        ("hooks", "hook"),
        ("modprobe-ipsec.io/host", "modprobe-ipsec.io/h/ost"),
        ('"name": "modules"', '"name": "module"'),
    ],
)
def test_a_wrong_device_is_refused(old: str, new: str, tmp_path: Path) -> None:
    text = formats.write("cdi", PLAN, ManifestOptions())[0].text
    assert old in text
    done = run(tmp_path, text.replace(old, new), NEEDED)
    assert done.returncode == 126 and "unresolvable CDI devices" in done.stderr
