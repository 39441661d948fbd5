# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read only once something is not ready: why it is not, and who could change it."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.host.facts import Environment, Facts, Unreadable
from modprobe_ipsec.host.machine.privileges import CAP_SYS_MODULE, capabilities
from modprobe_ipsec.host.reads import Allowed, Read, whole
from modprobe_ipsec.host.root import MODULES, Host

_LIBRARY = "libkmod.so.2"
_LIBRARY_PLACES = ("usr/lib64", "usr/lib", "lib64", "lib", "usr/local/lib")
_LOCKDOWN, _BUILD = "sys/kernel/security/lockdown", "proc/sys/kernel/version"
_SIG_ENFORCE = "sys/module/module/parameters/sig_enforce"
_SELINUX = "sys/fs/selinux/enforce"
_SELINUX_ALL = "sys/fs/selinux/booleans/domain_kernel_load_modules"
_APPARMOR = ("proc/self/attr/apparmor/current", "proc/self/attr/current")
# In bytes; a real program is longer.
_PROGRAM_NAME = 16
_OS_RELEASE = ("etc/os-release", "usr/lib/os-release")

READS = (
    *(Read(path, whole) for path in (_LOCKDOWN, _BUILD, _SIG_ENFORCE, _SELINUX, _SELINUX_ALL)),
    *(Read(path, whole) for path in _APPARMOR),
    *(Read(path) for path in (*_OS_RELEASE, "proc/self/status", "proc/sys/kernel/modprobe")),
    *(Read(path) for path in _LIBRARY_PLACES),
    *(Read(f"{place}/*/{_LIBRARY}") for place in _LIBRARY_PLACES),
    *(Read(place) for place in MODULES),
)


def redacted(host: Host, facts: Facts, allowed: Allowed) -> Iterator[tuple[str, bytes]]:
    """The distribution, libkmod, and which other kernels there are; not a byte of any program."""
    known = facts.environment()
    if known.distribution:
        os_id, *like = known.distribution
        yield _OS_RELEASE[0], f'ID={os_id}\nID_LIKE="{" ".join(like)}"\n'.encode()
    if known.libkmod:
        yield known.libkmod[1:], b""
    program = facts.modprobe_path if facts.static_helper is None else facts.static_helper
    if known.modprobe_there and program:
        yield program.strip("/"), known.modprobe_of.encode()
    for release in known.releases:
        # of a kernel that does not run, nothing but this tells that it is the one that was meant
        if facts.running and release != facts.release:
            yield f"{MODULES[0]}/{release}/modules.dep", b""


def read(host: Host, container: str, helper: str | None = None) -> Environment:
    """Everything that can be learned; what cannot keeps its default.

    `container` is the kind of container that we are in, empty outside; `helper` the program
    that the kernel runs in place of kernel.modprobe, if it does.
    """
    releases = host.releases()
    distribution, libkmod = _distribution(host), _libkmod(host)
    if not host.same_kernel:
        return Environment(distribution=distribution, releases=releases, libkmod=libkmod)
    status = host.text("proc/self/status")
    caps = None if status is None else capabilities(status)
    # a container has a root of its own, and the kernel runs the program of the host
    modprobe = "" if container else _modprobe(host, helper)
    return Environment(
        lockdown=lockdown(host.text(_LOCKDOWN) or ""),
        sig_enforce=_switch(host.text(_SIG_ENFORCE)),
        distribution=distribution,
        build=(host.text(_BUILD) or "").strip(),
        releases=releases,
        container=container,
        own_mounts=_own_mounts(host),
        cap_sys_module=None if caps is None else bool(caps >> CAP_SYS_MODULE & 1),
        modprobe_there=host.exists(modprobe) if modprobe else None,
        modprobe_of=_program_of(host, modprobe) if modprobe else "",
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
    texts = (host.text(path, limit=1 << 16) for path in _OS_RELEASE)
    return os_release(next((text for text in texts if text), ""))


def _own_mounts(host: Host) -> bool:
    """Only root may look at init's namespace; who cannot look is not accused of one."""
    ours, inits = (host.link(f"proc/{process}/ns/mnt") for process in ("self", "1"))
    return bool(ours and inits and ours != inits)


def _modprobe(host: Host, helper: str | None) -> str:
    """The program that the kernel runs to load modules, below the root; empty if none is known."""
    path = (host.text("proc/sys/kernel/modprobe") or "").strip() if helper is None else helper
    return path[1:] if path.startswith("/") else ""


def _program_of(host: Host, path: str) -> str:
    """What a program is a link to, by its last component. A record has that name in its place."""
    if host.root == "/":
        return (host.link(path) or "").rpartition("/")[2]
    said = host.text(path, limit=_PROGRAM_NAME) or ""
    return said if said.isalnum() else ""


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
    enforces = (host.text(_SELINUX) or "").strip() == "1"
    everybody = host.text(_SELINUX_ALL) or ""
    return enforces and not everybody.startswith("1")


def _apparmor(host: Host) -> str:
    """The profile of this process, where AppArmor denies what the profile does not allow.

    It decides about this process's own loading (capability sys_module, and reading the files); it
    has no say in what the kernel loads by itself (security/apparmor/lsm.c has no
    kernel_module_request).
    """
    # the second one is whatever LSM comes first, and all that there is before 5.8
    for path in _APPARMOR:
        profile, _, mode = (host.text(path, limit=4096) or "").strip().rpartition(" ")
        if mode in ("(enforce)", "(kill)", "(prompt)") and profile.isprintable():
            return profile
    return ""
