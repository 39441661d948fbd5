# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian 13's Incus for containers, for a guest."""

from pathlib import Path

from .engines import Engine, layer
from .kernels import Kernel

INCUS = Engine(
    packages=(
        *("incus-base", "incus-client", "lxcfs", "fuse3", "libfuse3-4", "uidmap", "libsubid5"),
        *("liblxc1t64", "liblxc-common", "libdbus-1-3", "libcowsql0", "libraft0", "libuv1t64"),
        *("liblz4-1", "libedit2", "libjansson4", "libnetfilter-conntrack3", "libnfnetlink0"),
        *("nftables", "libnftables1", "libnftnl11", "libbsd0", "libmd0"),
        *("attr", "rsync", "libpopt0", "libxxhash0", "xz-utils", "libsemanage2", "libsepol2"),
        *("squashfs-tools", "liblzo2-2"),
    ),
    unwanted=("/incus-user", "/init.lxc.static", "/bash-completion/", "/zsh/", "/fish/"),
    # as the packages make them: what root may map into containers
    configuration=dict.fromkeys(("/etc/subuid", "/etc/subgid"), "root:1000000:1000000000\n"),
    # for lxcfs
    modules=("kernel/fs/fuse",),
)


def incus(kernel: Kernel) -> Path:
    """The archive with Incus and the modules that only Incus asks a kernel for."""
    return layer(INCUS, kernel, Path(__file__))
