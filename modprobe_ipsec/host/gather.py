# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts together everything that is known about a host."""

import os
import sys

from modprobe_ipsec.base.annotations import Any, Callable, Mapping, Sequence
from modprobe_ipsec.base.value import once
from modprobe_ipsec.host.facts import (
    Algorithm,
    Container,
    Directive,
    Environment,
    Facts,
    ModuleIndex,
    ModuleState,
    Rule,
    Unreadable,
)
from modprobe_ipsec.host.kernel import (
    cpu,
    kconfig,
    modprobe_d,
    module_index,
    module_state,
    proc_crypto,
    sysctl,
    xfrm_proc,
)
from modprobe_ipsec.host.kernel.module_file import ModuleFiles
from modprobe_ipsec.host.machine import privileges
from modprobe_ipsec.host.root import Host


def gather(host: Host) -> Facts:
    """Read all facts. Raises nothing: what cannot be learned is None and a Gap."""
    gaps: list[Unreadable] = []
    algorithms, states = _changing(host, gaps, None)
    index = module_index.read_index(host, gaps)
    config = kconfig.read(host, gaps)
    may_load = privileges.may_load(host, gaps)
    rules = modprobe_d.read(host, gaps)
    helper = kconfig.static_helper(config) if config else None
    inside = once(lambda: _container(host))
    return Facts(
        release=host.release,
        running=host.running,
        arch=_arch(host),
        algorithms=algorithms,
        modules=states,
        module_index=index,
        config=config,
        rules=rules,
        cpu_modalias=cpu.read_modalias(host, gaps),
        cpu_flags=cpu.read_flags(host, gaps),
        fips=sysctl.fips(host, gaps),
        modprobe_path=sysctl.modprobe_path(host, gaps),
        modules_disabled=sysctl.modules_disabled(host, gaps),
        ipv6=sysctl.ipv6(host) or _ipv6_may_come(host, index, states, rules),
        may_load=may_load,
        stack_signs=xfrm_proc.read(host) if host.running else (),
        unreadable=tuple(gaps),
        static_helper=helper,
        module_files=ModuleFiles(host, index) if index else {},
        environment=once(lambda: _environment(host, inside(), helper)),
        more=_more(host),
        container=inside,
    )


def _more(host: Host) -> Callable[[str], Any]:
    """Reads what is asked for by its name, once."""
    known: dict[str, Any] = {}

    def ask(name: str) -> Any:
        if name not in known:
            from modprobe_ipsec.host import more

            known[name] = more.reader(name).read(host)
        return known[name]

    return ask


def _ipv6_may_come(
    host: Host,
    index: ModuleIndex | None,
    states: Mapping[str, ModuleState] | None,
    rules: Sequence[Rule],
) -> bool:
    """Whether IPv6 is a module that the first socket will load, as on Alpine and OpenWrt."""
    if index is None or "ipv6" not in index.files or "ipv6" in (states or {}):
        return False
    words = (host.text("proc/cmdline") or "").split()
    off = any(
        rule.directive is Directive.OPTIONS and rule.name == "ipv6" and "disable=1" in rule.command
        for rule in rules
    )
    lines = modprobe_d.about(("ipv6",), rules, None)["ipv6"]
    return not (off or lines.all or "ipv6.disable=1" in words)


def _container(host: Host) -> Container | None:
    # not asked for in most runs, nor is the environment
    from modprobe_ipsec.host.machine import container

    return container.read(host)


def _environment(host: Host, inside: Container | None, helper: str | None) -> Environment:
    from modprobe_ipsec.host.machine import installed, os_release, security

    distribution = os_release.names(os_release.read(host))
    releases, libkmod = host.releases(), installed.libkmod(host)
    if not host.same_kernel:
        return Environment(distribution=distribution, releases=releases, libkmod=libkmod)
    # a container has a root of its own, and the kernel runs the program of the host
    modprobe = "" if inside else installed.modprobe(host, helper)
    return Environment(
        lockdown=security.lockdown(host),
        sig_enforce=security.sig_enforce(host),
        distribution=distribution,
        build=installed.build(host),
        releases=releases,
        container=inside.kind if inside else "",
        own_mounts=privileges.own_mounts(host),
        cap_sys_module=privileges.may_insert(host),
        modprobe_there=host.exists(modprobe) if modprobe else None,
        modprobe_of=installed.program_of(host, modprobe) if modprobe else "",
        libkmod=libkmod,
        selinux=security.selinux(host),
        apparmor=security.apparmor(host),
    )


def refresh(facts: Facts, host: Host) -> Facts:
    """The facts after something was loaded: algorithms, module states and witnesses again.

    What was left out stays so.
    """
    gaps: list[Unreadable] = []
    algorithms, states = _changing(host, gaps, facts.modules)
    old = [gap for gap in facts.unreadable if gap.path not in _CHANGING]
    witnesses = xfrm_proc.read(host) if host.running and facts.stack_signs else ()
    return facts._replace(
        algorithms=algorithms, modules=states, stack_signs=witnesses, unreadable=(*gaps, *old)
    )


def module_states(
    host: Host, before: Mapping[str, ModuleState] | None
) -> dict[str, ModuleState] | None:
    """Only the states of the modules, read again after `before`: the quick look after each load."""
    return module_state.read_states(host, [], before)


_ARCH = "proc/sys/kernel/arch"
_CHANGING = ("proc/crypto", "proc/modules", "sys/module")


def _changing(
    host: Host, gaps: list[Unreadable], before: Mapping[str, ModuleState] | None
) -> tuple[tuple[Algorithm, ...] | None, dict[str, ModuleState] | None]:
    if not host.same_kernel:
        gaps += [Unreadable(path, f"not of kernel {host.release}") for path in _CHANGING]
        return None, None
    return proc_crypto.read(host, gaps), module_state.read_states(host, gaps, before)


def _arch(host: Host) -> str:
    """Machine of the host; empty if only its kernel's configuration may tell."""
    # since Linux 6.1, commit bfca3dd3d068 "kernel/utsname_sysctl.c: print kernel arch"
    if host.root == "/" and sys.maxsize > 1 << 32:
        return os.uname().machine
    # to a process of 32 bits uname may say what such a machine would be called (setarch)
    told = (host.text(_ARCH) or "").strip()
    return told or (os.uname().machine if host.root == "/" else "")
