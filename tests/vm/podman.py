# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian 13's Podman with crun, as an archive that is laid over one of `systems.SYSTEMS`."""

import os
from pathlib import Path

from tests import debs

from . import cpio
from .cache import built
from .kernels import Kernel

PACKAGES = (
    *("crun", "podman", "conmon", "golang-github-containers-common", "netavark", "catatonit"),
    *("libyajl2", "libsqlite3-0", "libglib2.0-0t64"),
    *("libgpgme11t64", "libassuan9", "libgpg-error0"),
    *("libsubid5", "libsemanage2", "libsepol2", "libbsd0", "libmd0", "libatomic1", "uidmap"),
)
"""What Podman needs beside what the systems have already. The first one names the directory."""
UNWANTED = ("podman-testing", "libgio-2.0", "/doc/", "/man/", "/locale/", ".a")
OVERLAY = "kernel/fs/overlayfs"
"""What Podman looks for in the kernel although it is told to do without."""
CONFIGURATION = {
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
}


def podman(kernel: Kernel) -> Path:
    """The archive with Podman and the modules that only Podman asks a kernel for."""
    root = debs.unpacked("trixie", PACKAGES)

    def build() -> bytes:
        archive = cpio.Archive()
        for directory, _, names in os.walk(root):
            for name in names:
                source = Path(directory, name)
                path = f"/{source.relative_to(root)}"
                if any(word in path for word in UNWANTED[:-1]) or path.endswith(UNWANTED[-1]):
                    continue
                if source.is_symlink():
                    archive.link(path, source.readlink())
                else:
                    archive.copy(source, path)
        for module in (kernel.modules / OVERLAY).iterdir():
            archive.copy(module, f"/lib/modules/{kernel.release}/{OVERLAY}/{module.name}")
        for path, text in CONFIGURATION.items():
            archive.file(path, text.encode())
        return archive.pack()

    sources = (Path(__file__), Path(cpio.__file__), root, kernel.modules / "modules.dep")
    return built(f"podman-{kernel.root.name}.cpio", sources, build)
