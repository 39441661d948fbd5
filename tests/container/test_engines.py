# SPDX-License-Identifier: GPL-3.0-or-later
"""Real engines start real containers with the shipped files: the hook decides, and fails closed.

What is asked for here no kernel can do, so nothing is loaded on this machine; that the hook loads
and proves is shown in guests (tests/vm/suites/test_containers.py).
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commands.bundle import IMPOSSIBLE, PREFIX, make

REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCHER = Path(sys.executable).with_name("modprobe-ipsec-hook")
INSTALLED = "/usr/local/sbin/modprobe-ipsec-hook"
Done = subprocess.CompletedProcess[str]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts containers here")


def program(name: str) -> str:
    path = shutil.which(name, path=f"/usr/sbin:/usr/bin:{os.environ.get('PATH', '')}")
    # a skip would look like success
    assert path, f"apt-get install {name} busybox-static"
    return path


def shipped(name: str) -> Any:
    """A file of container/, with the launcher of this environment in it."""
    text = (REPOSITORY / "container" / name).read_text()
    assert INSTALLED in text
    return json.loads(text.replace(INSTALLED, str(LAUNCHER)))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle that can be started."""
    made = make(tmp_path / "bundle")
    root = made / "rootfs"
    for name in ("bin", "proc", "dev", "sys", "run"):
        (root / name).mkdir(exist_ok=True)
    shutil.copy(program("busybox"), root / "bin/busybox")
    (root / "bin/sh").symlink_to("busybox")
    return made


Podman = Callable[..., Done]


@pytest.fixture
def podman(tmp_path: Path, bundle: Path) -> Podman:
    """`podman run` of the bundle's root, with a storage, hooks and CDI files of its own."""
    (tmp_path / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{tmp_path}/graph"\nrunroot = "{tmp_path}/r"\n'
    )
    (tmp_path / "containers.conf").write_text(
        '[containers]\ndefault_ulimits = ["nofile=1024:4096", "nproc=4096:8192"]\n'
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
    )
    for directory, name in (("hooks", "hooks.d.json"), ("cdi", "cdi.json")):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "modprobe-ipsec.json").write_text(json.dumps(shipped(name)))
    # podman 4 looks for CDI files in two places of the host only: in this mount namespace, ours
    script = """
        mount -t tmpfs none /run && mkdir /run/cdi && cp "$1"/cdi/* /run/cdi/ && shift && exec "$@"
    """
    start = (program("unshare"), "--mount", "sh", "-c", script, "sh", str(tmp_path))
    podman = (program("podman"), "--runtime", program("runc"), "--hooks-dir", f"{tmp_path}/hooks")
    options = ("--rm", "--network=none", "--cap-drop=all", "--cap-add=NET_ADMIN")
    environment = {
        "PATH": os.environ["PATH"],
        "CONTAINERS_STORAGE_CONF": f"{tmp_path}/storage.conf",
        "CONTAINERS_CONF": f"{tmp_path}/containers.conf",
    }

    def run(*words: str) -> Done:
        end = ("--rootfs", str(bundle / "rootfs"), "/bin/sh", "-c", "echo started")
        return subprocess.run(
            [*start, *podman, "run", *options, *words, *end],
            env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    return run


def check_refused(done: Done, words: str) -> None:
    assert done.returncode, done.stdout
    assert "started" not in done.stdout
    assert words in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_without_our_files_it_starts(podman: Podman) -> None:
    done = podman()
    assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr


def test_podman_and_hooks_d(podman: Podman) -> None:
    done = podman("--annotation", f"{PREFIX}esp={IMPOSSIBLE}")
    check_refused(done, "ESP IPv4 CAMELLIA_CCM_16_256")
    check_refused(podman("--annotation", f"{PREFIX}load=nf_conntrack"), "choose from esp, ah")


def test_podman_and_cdi(podman: Podman, bundle: Path) -> None:
    device = "--device=modprobe-ipsec.io/hook=config"
    (bundle / "rootfs/etc/ipsec.conf").unlink()
    check_refused(podman(device), "nothing says what it needs")
    done = podman(device, "--annotation", f"{PREFIX}esp={IMPOSSIBLE}")
    check_refused(done, "no kernel has Camellia-CCM")
    plan = podman("--device=modprobe-ipsec.io/hook=plan")
    check_refused(plan, "/etc/modprobe-ipsec/plan.yaml: no such file")


def test_podman_and_a_configuration_in_a_volume(
    podman: Podman, bundle: Path, tmp_path: Path
) -> None:
    """The volume is mounted in the container only, and the hook sees it all the same."""
    volume = tmp_path / "swanctl.conf"
    child = f"children {{ b {{ esp_proposals = {IMPOSSIBLE} }} }}"
    volume.write_text(f"connections {{\n  a {{\n    {child}\n  }}\n}}\n")
    root = bundle / "rootfs"
    shutil.rmtree(root / "usr/libexec")
    (root / "usr/sbin").mkdir(parents=True)
    (root / "usr/sbin/charon-systemd").touch()
    device = "--device=modprobe-ipsec.io/hook=config"
    done = podman(device, f"--volume={volume}:/etc/swanctl/swanctl.conf:ro")
    check_refused(done, "no kernel has Camellia-CCM")


def test_runc(bundle: Path, tmp_path: Path) -> None:
    subprocess.run([program("runc"), "spec", "--bundle", str(tmp_path)], check=True)
    config = json.loads((tmp_path / "config.json").read_text())
    config["process"].update(terminal=False, args=["/bin/sh", "-c", "echo started"])
    # may be more than this machine's root may set
    config["process"].pop("rlimits", None)
    config["hooks"] = {"createRuntime": [shipped("hooks.d.json")["hook"]]}
    command = [program("runc"), "--root", f"{tmp_path}/state", "run", "-b", str(bundle), "ike"]
    for annotations, started in (({f"{PREFIX}ah": IMPOSSIBLE}, False), ({f"{PREFIX}x": ""}, False)):
        config["annotations"] = annotations
        (bundle / "config.json").write_text(json.dumps(config))
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert ("started" in done.stdout) is started
        assert "modprobe-ipsec-hook: ike: " in done.stderr
