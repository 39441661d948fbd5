# SPDX-License-Identifier: GPL-3.0-or-later
"""kernel.loadpin.enforce: modules come from one file system only (security/loadpin/loadpin.c)."""

from modprobe_ipsec.host.reads import Read, whole
from modprobe_ipsec.host.root import Host

_PATH = "proc/sys/kernel/loadpin/enforce"

READS = (Read(_PATH, whole),)


def read(host: Host) -> bool:
    """Whether LoadPin enforces; a kernel without it has no such file."""
    return (host.text(_PATH) or "").strip() == "1"
