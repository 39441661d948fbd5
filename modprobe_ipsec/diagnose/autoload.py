# SPDX-License-Identifier: GPL-3.0-or-later
"""Who loads a module that nothing keeps out: the kernel by itself, or somebody, and how."""

from modprobe_ipsec.catalog.obstacles import Knowledge
from modprobe_ipsec.diagnose.obstacles import Autoload
from modprobe_ipsec.host.facts import ALIAS_BIN, Facts

# What an admin, or a distribution, puts into kernel.modprobe to switch autoload off.
_LOADS_NOTHING = ("false", "true", "disabled", "null")


def loads_nothing(modprobe: str) -> bool:
    """Whether a program in kernel.modprobe is one that is known to load no module."""
    return modprobe.rpartition("/")[2] in _LOADS_NOTHING


class AutoloadPolicy:
    """The ways in which modules come into one kernel."""

    def __init__(self, facts: Facts, lore: Knowledge) -> None:
        self._facts = facts
        self._lore = lore

    def autoload(self, module: str, *, accelerator: bool) -> Autoload:
        """Whether the kernel would load a module that nothing keeps out."""
        facts = self._facts
        if accelerator:
            udev = facts.tree and module in facts.tree.cpu_patterns
            who = "udev may load it for its CPU at boot" if udev else "nobody does"
            return Autoload(False, f"the kernel makes do with what it has; {who}")
        if not facts.running:
            return Autoload(None, "this kernel does not run here")
        if facts.modprobe_path == "":
            return Autoload(False, "kernel.modprobe is empty")
        if facts.modprobe_path is None:
            return Autoload(None, "kernel.modprobe cannot be read")
        if loads_nothing(facts.modprobe_path):
            return Autoload(False, f"kernel.modprobe is {facts.modprobe_path}")
        around = facts.environment()
        if around.modprobe_there is False:
            path = facts.modprobe_path
            return Autoload(False, f"kernel.modprobe is {path}, and there is no such program")
        lacks = facts.tree.lacks if facts.tree else ()
        path = next((path for path in lacks if path.endswith(ALIAS_BIN)), "")
        # a container's tree is not the one that the kernel's modprobe looks into
        if path and around.libkmod and not around.container:
            why = f"{path}: no such file, so that modprobe finds no alias (depmod -a)"
            return Autoload(False, why)
        if around.selinux:
            return Autoload(None, "SELinux decides for the daemon's domain (module_request)")
        return Autoload(True)

    def loader(self) -> str:
        """Who can load what is loadable, and how."""
        if not self._facts.running:
            return "run modprobe-ipsec where this kernel runs, as root"
        around = self._facts.environment()
        if around.container:
            return (
                f"run modprobe-ipsec on the host, as root: this is a container "
                f"({around.container}), and the host's own modprobe.d decides"
            )
        if around.libkmod == "" and around.cap_sys_module is not None:
            known = [d for d in around.distribution if d in self._lore.libkmod]
            install = self._lore.libkmod[known[0]] if known else "install libkmod"
            return (
                f"{install} (libkmod.so.2 is missing), "
                "then run modprobe-ipsec without --check, as root"
            )
        missing = " (CAP_SYS_MODULE is missing here)" if around.cap_sys_module is False else ""
        confined = f"; {self._confined()}" if around.apparmor else ""
        return f"run modprobe-ipsec without --check, as root{missing}{confined}"

    def denied(self) -> str:
        """What to do where this process may not load by some rule, if it is known whose."""
        around = self._facts.environment()
        profile = around.apparmor
        if not profile or around.container or not around.cap_sys_module:
            # without the capability, or where it is that of a namespace, no profile is to blame
            return ""
        return (
            f"{self._confined()}; what it denied stands in the kernel's log "
            f'(dmesg: apparmor="DENIED", profile="{profile}")'
        )

    def _confined(self) -> str:
        profile = self._facts.environment().apparmor
        return (
            f"AppArmor holds this process to the profile {profile}, which "
            "must allow `capability sys_module,` and reading /lib/modules (see /etc/apparmor.d)"
        )
