# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that install what one kernel lacks, where its distribution is known to have it."""

from modprobe_ipsec.base.annotations import Mapping, Sequence
from modprobe_ipsec.base.names import glob
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.obstacles import Knowledge, Package
from modprobe_ipsec.host.facts import Facts


class Packages(Value):
    """One command each; empty where nobody knows one."""

    # All modules of the running kernel.
    all_modules: str
    # All of them once more, where their files are damaged.
    again: str
    # Modules that were built and lie in another package; a kernel that was built with more.
    others: str
    other_kernel: str
    # By module, where each few of them have a package of their own; None elsewhere.
    by_module: Mapping[str, str] | None

    def single(self, module: str) -> str:
        """The package of one module, where modules have packages of their own."""
        if self.by_module is None or not module:
            return ""
        if package := self.by_module.get(module):
            return f"opkg install {package}, or apk add {package}"
        return f"install the package that has {module}, one of those named kmod-*"


def packages_for(facts: Facts, known: Knowledge) -> Packages:
    """What helps on this host."""
    distribution, release = facts.environment().distribution, facts.release

    def command(packages: Sequence[Package], lacks: str = "") -> str:
        for package in packages:
            fits = package.os in distribution and glob(release, package.kernels)
            if fits and package.lacks == lacks:
                flavour = release.rpartition("-")[2]
                return package.install.format(release=release, flavour=flavour)
        return ""

    all_modules = command(known.trees)
    again = all_modules.replace("apt install", "apt install --reinstall")
    return Packages(
        all_modules=all_modules,
        again=again or f"install the modules of {release} again",
        others=command(known.packages, "file"),
        other_kernel=command(known.packages, "option"),
        by_module=known.openwrt if "openwrt" in distribution else None,
    )
