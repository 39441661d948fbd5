# SPDX-License-Identifier: GPL-3.0-or-later
"""What this process may do to the kernel."""

from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.reads import Read, whole
from modprobe_ipsec.host.root import Host

# include/uapi/linux/capability.h
CAP_NET_BIND_SERVICE = 10
CAP_NET_ADMIN = 12
CAP_SYS_MODULE = 16
_CAP_SYS_ADMIN = 21

# What counts in the first of them is written by `container.redacted`.
READS = (Read("proc/self/status"), Read("proc/self/uid_map", whole))


def read(host: Host, gaps: list[Unreadable]) -> tuple[bool, bool]:
    """Whether this process may load modules, and whether it may prove; see `parse`.

    It may do neither to a kernel that does not run here.
    """
    if not host.live:
        return False, False
    status = host.text("proc/self/status", gaps) or ""
    uid_map = host.text("proc/self/uid_map", gaps) or ""
    return parse(status, uid_map)


def parse(status: str, uid_map: str) -> tuple[bool, bool]:
    """(may load, may prove) from the text of /proc/self/status and /proc/self/uid_map.

    Loading takes CAP_SYS_MODULE in the initial user namespace. Adding an SA in a network namespace
    of our own takes CAP_NET_ADMIN in the initial one, or CAP_SYS_ADMIN wherever we are; whether an
    unprivileged user namespace would do is not asked here: the prover finds that out by trying.
    The kernel may still say no to either (lockdown, seccomp, an LSM).
    """
    caps = capabilities(status)
    initial = is_initial(uid_map)

    def has(cap: int) -> bool:
        return bool(caps >> cap & 1)

    load = initial and has(CAP_SYS_MODULE)
    return load, (initial and has(CAP_NET_ADMIN)) or has(_CAP_SYS_ADMIN)


def capabilities(status: str) -> int:
    """The effective capabilities as bits, from /proc/self/status; 0 if it does not say."""
    return bits(status, "CapEff") or 0


def bits(status: str, field: str) -> int | None:
    """A hexadecimal field of /proc/self/status, such as CapEff; None if it does not say."""
    for line in status.split("\n"):
        if line.startswith(f"{field}:"):
            try:
                return int(line[len(field) + 1 :], 16)
            except ValueError:
                return None
    return None


def is_initial(uid_map: str) -> bool:
    """Whether /proc/self/uid_map is that of the initial user namespace."""
    return uid_map.split() == ["0", "0", "4294967295"]
