# SPDX-License-Identifier: GPL-3.0-or-later
"""What this process may do to the kernel."""

from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.reads import Read, whole
from modprobe_ipsec.host.root import Host

# include/uapi/linux/capability.h
CAP_NET_BIND_SERVICE = 10
CAP_NET_ADMIN = 12
CAP_SYS_MODULE = 16
# Those that a daemon may want for itself.
OTHER_CAPABILITIES = {"SETGID": 6, "SETUID": 7, "SYS_CHROOT": 18}

# What counts in the first of them is written by `container.redacted`.
READS = (Read("proc/self/status"), Read("proc/self/uid_map", whole))


def may_load(host: Host, gaps: list[Unreadable]) -> bool:
    """Whether this process may load modules; never into a kernel that does not run here."""
    if not host.live:
        return False
    status = host.text("proc/self/status", gaps) or ""
    return parse(status, host.text("proc/self/uid_map", gaps) or "")


def parse(status: str, uid_map: str) -> bool:
    """May we load, from the text of /proc/self/status and /proc/self/uid_map.

    It takes CAP_SYS_MODULE in the initial user namespace. The kernel may still say no (lockdown,
    seccomp, an LSM). Whether we may prove is not asked here: the prover finds that out by trying.
    """
    return is_initial(uid_map) and bool(capabilities(status) >> CAP_SYS_MODULE & 1)


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


def own_mounts(host: Host) -> bool:
    """Whether this process has other mounts than init.

    Only root may look at init's namespace; who cannot look is not accused of one.
    """
    ours, inits = (host.link(f"proc/{process}/ns/mnt") for process in ("self", "1"))
    return bool(ours and inits and ours != inits)


def may_insert(host: Host) -> bool | None:
    """Whether CAP_SYS_MODULE is effective; None if unknown."""
    status = host.text("proc/self/status")
    caps = None if status is None else capabilities(status)
    return None if caps is None else bool(caps >> CAP_SYS_MODULE & 1)
