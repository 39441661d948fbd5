# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read only once something is not ready: why it is not, and who could change it."""

from modprobe_ipsec.host.facts import Environment, Unreadable
from modprobe_ipsec.host.machine.privileges import CAP_SYS_MODULE, capabilities
from modprobe_ipsec.host.root import Host

_LIBRARY = "libkmod.so.2"
_LIBRARY_PLACES = ("usr/lib64", "usr/lib", "lib64", "lib", "usr/local/lib")
_MORE = 64


def read(host: Host, container: str) -> Environment:
    """Everything that can be learned; what cannot keeps its default.

    `container` is the kind of container that we are in, empty outside.
    """
    releases = _releases(host)
    distribution, libkmod = _distribution(host), _libkmod(host)
    if not host.same_kernel:
        return Environment(distribution=distribution, releases=releases, libkmod=libkmod)
    status = host.text("proc/self/status")
    caps = None if status is None else capabilities(status)
    return Environment(
        lockdown=lockdown(host.text("sys/kernel/security/lockdown") or ""),
        sig_enforce=_switch(host.text("sys/module/module/parameters/sig_enforce")),
        distribution=distribution,
        build=(host.text("proc/sys/kernel/version") or "").strip(),
        releases=releases,
        container=container,
        own_mounts=_own_mounts(host),
        cap_sys_module=None if caps is None else bool(caps >> CAP_SYS_MODULE & 1),
        # a container has a root of its own, and the kernel runs the program of the host
        modprobe_there=None if container else _modprobe_there(host),
        libkmod=libkmod,
        selinux=_selinux(host),
        apparmor=_apparmor(host),
    )


def lockdown(text: str) -> str:
    """`none [integrity] confidentiality` -> integrity."""
    return text.partition("[")[2].partition("]")[0]


def os_release(text: str) -> tuple[str, ...]:
    """ID, and after it ID_LIKE, of an os-release(5)."""
    found = {}
    for line in text.split("\n"):
        key, _, value = line.strip().partition("=")
        found[key] = value.strip("\"'").split()
    return tuple(dict.fromkeys((*found.get("ID", ()), *found.get("ID_LIKE", ()))))


def _switch(text: str | None) -> bool | None:
    return None if text is None else text.strip() in ("Y", "1")


def _distribution(host: Host) -> tuple[str, ...]:
    text = host.text("etc/os-release", limit=1 << 16)
    return os_release(text or host.text("usr/lib/os-release", limit=1 << 16) or "")


def _releases(host: Host) -> tuple[str, ...]:
    names: set[str] = set()
    for place in ("lib/modules", "usr/lib/modules"):
        answer = host.list_dir(place)
        if not isinstance(answer, Unreadable):
            names |= {name for name in answer[:_MORE] if name[0].isdecimal()}
    return tuple(sorted(names))


def _own_mounts(host: Host) -> bool:
    """Only root may look at init's namespace; who cannot look is not accused of one."""
    ours, inits = (host.link(f"proc/{process}/ns/mnt") for process in ("self", "1"))
    return bool(ours and inits and ours != inits)


def _modprobe_there(host: Host) -> bool | None:
    path = (host.text("proc/sys/kernel/modprobe") or "").strip()
    return host.exists(path[1:]) if path.startswith("/") else None


def _libkmod(host: Host) -> str:
    for place in _LIBRARY_PLACES:
        names = host.list_dir(place)
        if isinstance(names, Unreadable):
            continue
        if _LIBRARY in names:
            return f"/{place}/{_LIBRARY}"
        # Debian's directories for each architecture
        for name in names:
            if name.count("-") >= 2 and host.exists(f"{place}/{name}/{_LIBRARY}"):
                return f"/{place}/{name}/{_LIBRARY}"
    return ""


def _selinux(host: Host) -> bool:
    """Whether SELinux enforces, and a domain needs a rule of its own to make the kernel load.

    The boolean domain_kernel_load_modules would give it to every domain.
    """
    enforces = (host.text("sys/fs/selinux/enforce") or "").strip() == "1"
    everybody = host.text("sys/fs/selinux/booleans/domain_kernel_load_modules") or ""
    return enforces and not everybody.startswith("1")


def _apparmor(host: Host) -> str:
    """The profile of this process, where AppArmor denies what the profile does not allow.

    It decides about this process's own loading (capability sys_module, and reading the files); it
    has no say in what the kernel loads by itself (security/apparmor/lsm.c has no
    kernel_module_request).
    """
    # the second one is whatever LSM comes first, and all that there is before 5.8
    for path in ("proc/self/attr/apparmor/current", "proc/self/attr/current"):
        profile, _, mode = (host.text(path, limit=4096) or "").strip().rpartition(" ")
        if mode in ("(enforce)", "(kill)", "(prompt)") and profile.isprintable():
            return profile
    return ""
