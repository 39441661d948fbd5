# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian 13's Podman with crun, for a guest."""

from pathlib import Path

from .engines import Engine, layer
from .kernels import Kernel

PODMAN = Engine(
    packages=(
        *("crun", "podman", "conmon", "golang-github-containers-common", "netavark", "catatonit"),
        *("libyajl2", "libsqlite3-0", "libglib2.0-0t64"),
        *("libgpgme11t64", "libassuan9", "libgpg-error0"),
        *("libsubid5", "libsemanage2", "libsepol2", "libbsd0", "libmd0", "libatomic1", "uidmap"),
    ),
    unwanted=("podman-testing", "libgio-2.0"),
    configuration={
        # no daemon of the bus here, and no pivot_root() from an initramfs
        "/etc/containers/containers.conf": """\
[containers]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
no_pivot_root = true
""",
        "/etc/containers/storage.conf": """\
[storage]
driver = "vfs"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
""",
        "/etc/containers/policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}\n',
    },
    # what Podman looks for in the kernel although it is told to do without
    modules=("kernel/fs/overlayfs",),
)


def podman(kernel: Kernel) -> Path:
    """The archive with Podman and the modules that only Podman asks a kernel for."""
    return layer(PODMAN, kernel, Path(__file__))
