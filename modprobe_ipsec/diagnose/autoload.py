# SPDX-License-Identifier: GPL-3.0-or-later
"""Who loads a module that nothing keeps out: the kernel by itself, or somebody, and how. Pure."""

from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.obstacles import Knowledge
from modprobe_ipsec.diagnose.resolution import Autoload, Resolution, ResolutionState, Resolved
from modprobe_ipsec.host.facts import ALIAS_BIN, BUSYBOX, Environment, Facts

# What an admin, or a distribution, puts into kernel.modprobe to switch autoload off.
_LOAD = {"kind": "load", "command": "modprobe-ipsec"}
_LOADS_NOTHING = ("false", "true", "disabled", "null")


class AutoloadPolicy(Value):
    """The ways in which modules come into one kernel."""

    # Whether the kernel loads what it asks for.
    on_request: Autoload
    # Whether somebody loads what only makes it faster: modules that udev knows a CPU for, others.
    by_udev: Autoload
    by_nobody: Autoload
    # Who can load what is loadable, and how.
    loader: str
    # What to do where this process may not load by some rule; empty if it is not known whose.
    denied: str
    # What udev knows a CPU for.
    known_to_udev: frozenset[str]

    def of(self, module: str, *, accelerator: bool) -> Autoload:
        """Whether a module comes that nothing keeps out, without anybody's help."""
        if not accelerator:
            return self.on_request
        return self.by_udev if module in self.known_to_udev else self.by_nobody


def loads_nothing(modprobe: str) -> bool:
    """Whether a program in kernel.modprobe is one that is known to load no module."""
    return modprobe.rpartition("/")[2] in _LOADS_NOTHING


def say_who_loads(resolved: Resolved, facts: Facts, known: Knowledge) -> Resolved:
    """Complete what is loadable: who would load it, and what that does beyond itself."""
    groups = [*resolved.answers.values(), resolved.accelerators.values()]
    loadable = {
        r for group in groups for r in group if r.state is ResolutionState.LOADABLE or r.failure
    }
    if not loadable:
        return resolved
    policy = autoload_policy(facts, known)

    def complete(resolution: Resolution) -> Resolution:
        if resolution not in loadable:
            return resolution
        if failure := resolution.failure:
            denied = policy.denied if failure.denied and not resolution.obstacles else ""
            return resolution._replace(remedy=resolution.remedy or denied)
        return resolution._replace(
            evidence=resolved.lines[resolution.module].remark or resolution.evidence,
            remedy=policy.loader,
            autoload=policy.of(resolution.module, accelerator=resolution.accelerator),
        )

    return resolved._replace(
        answers={alias: tuple(map(complete, group)) for alias, group in resolved.answers.items()},
        accelerators={name: complete(r) for name, r in resolved.accelerators.items()},
    )


def autoload_policy(facts: Facts, known: Knowledge) -> AutoloadPolicy:
    """What the facts say about it."""
    makes_do = "the kernel makes do with what it has;"
    around = facts.environment()
    return AutoloadPolicy(
        on_request=_on_request(facts, around),
        by_udev=Autoload(False, f"{makes_do} udev may load it for its CPU at boot"),
        by_nobody=Autoload(False, f"{makes_do} nobody does"),
        loader=_loader(facts, around, known),
        denied=_denied(around),
        known_to_udev=frozenset(facts.module_index.cpu_patterns if facts.module_index else ()),
    )


def _on_request(facts: Facts, around: Environment) -> Autoload:
    if not facts.running:
        return Autoload(None, "this kernel does not run here")
    if facts.static_helper is not None:
        return _of_static_helper(facts.static_helper, around)
    path = facts.modprobe_path
    if path == "":
        return Autoload(False, "kernel.modprobe is empty")
    if path is None:
        return Autoload(None, "kernel.modprobe cannot be read")
    if loads_nothing(path):
        return Autoload(False, f"kernel.modprobe is {path}")
    if around.modprobe_there is False:
        return Autoload(False, f"kernel.modprobe is {path}, and there is no such program")
    lacks = facts.module_index.lacks if facts.module_index else ()
    index = next((path for path in lacks if path.endswith(ALIAS_BIN)), "")
    # BusyBox's modprobe reads the index as text, and a container's module directory is not the one
    # that the kernel's modprobe looks into
    if index and around.libkmod and not around.container and around.modprobe_of != BUSYBOX:
        why = f"{index}: no such file, so that modprobe finds no alias (depmod -a)"
        return Autoload(False, why)
    if around.selinux:
        return Autoload(None, "SELinux decides for the daemon's domain (module_request)")
    return Autoload(True)


def _of_static_helper(path: str, around: Environment) -> Autoload:
    """The kernel runs one program whatever it asks for, and kernel.modprobe counts for nothing.

    source: kernel/umh.c call_usermodehelper_setup
    """
    if not path:
        return Autoload(False, "CONFIG_STATIC_USERMODEHELPER_PATH is empty: it runs no program")
    said = f"the kernel runs {path} instead of kernel.modprobe (CONFIG_STATIC_USERMODEHELPER)"
    if around.modprobe_there is False:
        return Autoload(False, f"{said}, and there is no such program")
    return Autoload(None, f"{said}, and only that program decides")


def _loader(facts: Facts, around: Environment, known: Knowledge) -> str:
    if not facts.running:
        return Sentence("run modprobe-ipsec where this kernel runs, as root", _LOAD)
    if around.container:
        return Sentence(
            f"run modprobe-ipsec on the host, as root: this is a container "
            f"({around.container}), and the host's own modprobe.d decides",
            {"kind": "on the host", "command": "modprobe-ipsec"},
        )
    if around.libkmod == "" and around.cap_sys_module is not None:
        named = [d for d in around.distribution if d in known.libkmod]
        command = {"command": known.libkmod[named[0]]} if named else {}
        install = command.get("command", "install libkmod")
        return Sentence(
            f"{install} (libkmod.so.2 is missing), then run modprobe-ipsec without --check, as "
            "root",
            {"kind": "install", **command},
            _LOAD,
        )
    missing = " (CAP_SYS_MODULE is missing here)" if around.cap_sys_module is False else ""
    confined = f"; {_confined(around.apparmor)}" if around.apparmor else ""
    text = f"run modprobe-ipsec without --check, as root{missing}{confined}"
    permit = [{"kind": "permission", "profile": around.apparmor}] if around.apparmor else []
    return Sentence(text, _LOAD, *permit)


def _denied(around: Environment) -> str:
    profile = around.apparmor
    if not profile or around.container or not around.cap_sys_module:
        # without the capability, or where it is that of a namespace, no profile is to blame
        return ""
    return Sentence(
        f"{_confined(profile)}; what it denied stands in the kernel's log "
        f'(dmesg: apparmor="DENIED", profile="{profile}")',
        {"kind": "permission", "profile": profile},
    )


def _confined(profile: str) -> str:
    return (
        f"AppArmor holds this process to the profile {profile}, which "
        "must allow `capability sys_module,` and reading /lib/modules (see /etc/apparmor.d)"
    )
