# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the kernel's guards are up: lockdown, signatures, SELinux and AppArmor."""

from modprobe_ipsec.host.reads import Read, whole
from modprobe_ipsec.host.root import Host

_LOCKDOWN = "sys/kernel/security/lockdown"
_SIG_ENFORCE = "sys/module/module/parameters/sig_enforce"
_SELINUX = "sys/fs/selinux/enforce"
_SELINUX_ALL = "sys/fs/selinux/booleans/domain_kernel_load_modules"
# The second one is whatever LSM comes first, and all that there is before 5.8.
_APPARMOR = ("proc/self/attr/apparmor/current", "proc/self/attr/current")

READS = tuple(
    Read(path, whole) for path in (_LOCKDOWN, _SIG_ENFORCE, _SELINUX, _SELINUX_ALL, *_APPARMOR)
)


def lockdown(host: Host) -> str:
    """`none [integrity] confidentiality` -> integrity; empty if the kernel does not say."""
    return (host.text(_LOCKDOWN) or "").partition("[")[2].partition("]")[0]


def sig_enforce(host: Host) -> bool | None:
    """module.sig_enforce; None if unknown."""
    text = host.text(_SIG_ENFORCE)
    return None if text is None else text.strip() in ("Y", "1")


def selinux(host: Host) -> bool:
    """Whether SELinux enforces, and a domain needs a rule of its own to make the kernel load.

    The boolean domain_kernel_load_modules would give it to every domain.
    """
    enforces = (host.text(_SELINUX) or "").strip() == "1"
    everybody = host.text(_SELINUX_ALL) or ""
    return enforces and not everybody.startswith("1")


def apparmor(host: Host) -> str:
    """The profile of this process, where AppArmor denies what the profile does not allow.

    It decides about this process's own loading (capability sys_module, and reading the files); it
    has no say in what the kernel loads by itself (security/apparmor/lsm.c has no
    kernel_module_request).
    """
    for path in _APPARMOR:
        profile, _, mode = (host.text(path, limit=4096) or "").strip().rpartition(" ")
        if mode in ("(enforce)", "(kill)", "(prompt)") and profile.isprintable():
            return profile
    return ""
