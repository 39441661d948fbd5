# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian 13's Docker with Compose, for a guest."""

from pathlib import Path

from .engines import Engine, layer
from .kernels import Kernel

DOCKER = Engine(
    packages=("docker.io", "containerd", "docker-cli", "docker-compose", "runc"),
    unwanted=(
        *("/bin/ctr", "/containerd-shim-runc-v1", "/containerd-shim."),
        *("/bash-completion/", "/zsh/", "/fish/"),
    ),
    configuration={
        # the network is one that we make
        "/etc/docker/daemon.json": '{"features": {"cdi": true}, "bridge": "none"}\n',
        # no pivot_root() from an initramfs
        "/etc/systemd/system/docker.service.d/initramfs.conf": """\
[Service]
Environment=DOCKER_RAMDISK=true
""",
    },
    modules=("kernel/fs/overlayfs",),
)


def docker(kernel: Kernel) -> Path:
    """The archive with Docker and the modules that only Docker asks a kernel for."""
    return layer(DOCKER, kernel, Path(__file__))
