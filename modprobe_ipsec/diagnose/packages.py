# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that install what one kernel lacks, where its distribution is known to have it."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.names import glob
from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.catalog.obstacles import Package
from modprobe_ipsec.host.facts import Facts


class Packages(Value):
    """What the distribution has for one kernel: one command each, empty where none is known.

    Looked up when it is asked for: patterns cost more than a quick check has to spend.
    """

    release: str
    # Packages of this distribution with modules that the kernel's own has not got, and with all.
    some: tuple[Package, ...]
    trees: tuple[Package, ...]
    # The package of the kernel with all modules, on this kind of machine; empty if not known.
    kernel: str
    # By module, where each few of them have a package of their own; None elsewhere.
    by_module: Mapping[str, str] | None

    @property
    def all_modules(self) -> str:
        """All modules of this kernel."""
        return self._command(self.trees, "")

    @property
    def again(self) -> str:
        """All of them once more, where their files are damaged."""
        again = self.all_modules.replace("apt install", "apt install --reinstall")
        return installing(again) if again else _install(f"the modules of {self.release} again")

    @property
    def others(self) -> str:
        """Modules that were built for it and lie in another package."""
        return self._command(self.some, "file")

    @property
    def other_kernel(self) -> str:
        """A kernel that was built with more."""
        return self._command(self.some, "option")

    def single(self, module: str) -> str:
        """The package of one module, where modules have packages of their own."""
        if self.by_module is None or not module:
            return ""
        if package := self.by_module.get(module):
            commands = (f"opkg install {package}", f"apk add {package}")
            facts = ({"kind": "install", "command": command} for command in commands)
            return Sentence(", or ".join(commands), *facts)
        return _install(f"the package that has {module}, one of those named kmod-*")

    def _command(self, packages: tuple[Package, ...], lacks: str) -> str:
        for package in packages:
            if package.lacks == lacks and glob(self.release, package.kernels):
                if "{kernel}" in package.install and not self.kernel:
                    return ""
                command = package.install.format(release=self.release, kernel=self.kernel)
                return installing(command)
        return ""


def installing(command: str) -> str:
    """A command that installs something, as a remedy; what is more than one is for people."""
    if not command:
        return ""
    whole = {} if "," in command else {"command": command}
    return Sentence(command, {"kind": "install", **whole})


def _install(what: str) -> Sentence:
    return Sentence(f"install {what}", {"kind": "install"})


def packages_for(facts: Facts, catalog: Catalog) -> Packages:
    """What helps on this host."""
    known = catalog.knowledge
    distribution = facts.environment().distribution
    kernels = catalog.architecture(facts.arch).packages

    def ours(packages: tuple[Package, ...]) -> tuple[Package, ...]:
        return tuple(p for p in packages if p.os == "*" or p.os in distribution)

    return Packages(
        release=facts.release,
        some=ours(known.packages),
        trees=ours(known.trees),
        kernel=next((kernels[os] for os in distribution if os in kernels), ""),
        by_module=known.openwrt if "openwrt" in distribution else None,
    )
