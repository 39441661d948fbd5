# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kernel's module tree lacks: a file, a module, its index, or all of it; what brings it."""

from modprobe_ipsec.base.names import glob
from modprobe_ipsec.catalog.obstacles import Knowledge, Package
from modprobe_ipsec.diagnose.obstacles import Obstacle, ObstacleKind
from modprobe_ipsec.host.facts import DEP_BIN, Facts, ModuleFile


class TreeChecks:
    """The module tree of one kernel, as something that may be incomplete or damaged."""

    def __init__(self, facts: Facts, lore: Knowledge) -> None:
        self._facts = facts
        self._lore = lore
        gap = next((gap for gap in facts.unreadable if gap.path.endswith("/modules.dep")), None)
        # Where the index should be, if it is not.
        self._index_path = f"/{gap.path}" if gap and facts.tree else ""
        lacks = facts.tree.lacks if facts.tree else ()
        self._binary_path = next((path for path in lacks if path.endswith(DEP_BIN)), "")

    def nothing_answers(self, alias: str, name: str, option: str) -> Obstacle | None:
        """Why the tree has no module for a request, if the kernel's configuration tells.

        `option` builds what would answer, `name` is its module's name.
        """
        facts = self._facts
        value = facts.config.get(option) if facts.config and option else ""
        place = f"/{facts.config.path}" if facts.config else ""
        if value == "m" and facts.modules is None and self._has_no_modules():
            value = "n"
        if value != "n" and (obstacle := self.no_index(name)):
            return obstacle
        if value == "m":
            install = self._package(self._lore.packages, "file", name)
            return Obstacle(
                ObstacleKind.OTHER_PACKAGE,
                name,
                f"{place}: CONFIG_{option}=m, and the module tree has no {name}",
                install or "install the package of this kernel's modules that has it",
            )
        if value == "n":
            install = self._package(self._lore.packages, "option", name)
            return Obstacle(
                ObstacleKind.NOT_BUILT,
                name,
                f"{place}: CONFIG_{option} is not set",
                f"{install}, and reboot into it" if install else f"a kernel with CONFIG_{option}",
            )
        install = self._package((), "", name)
        if install:
            text = f"nothing of {facts.release} answers {alias}"
            return Obstacle(ObstacleKind.OTHER_PACKAGE, name, text, install)
        return None

    def no_index(self, module: str) -> Obstacle | None:
        """The module tree has no list of its modules."""
        if not self._index_path:
            return None
        remedy = f"depmod -a {self._facts.release}"
        if not self._binary_path:
            text = f"{self._index_path}: no such file, and {DEP_BIN} is for libkmod only"
            return Obstacle(ObstacleKind.NO_INDEX, module, text, remedy, sure=False)
        text = f"{self._index_path}: no such file, so that no module is found"
        install = self._package((), "", module)
        if install:
            # OpenWrt finds modules without an index
            return Obstacle(ObstacleKind.OTHER_PACKAGE, module, text, install)
        return Obstacle(ObstacleKind.NO_INDEX, module, text, remedy)

    def no_binary_index(self, module: str) -> Obstacle | None:
        """The list of modules is not there in the form that libkmod reads.

        Where there is no libkmod nobody misses it: busybox reads the text.
        source: `modprobe --show-depends` of kmod 30
        """
        facts = self._facts
        if not self._binary_path or not facts.environment().libkmod:
            return None
        text = f"{self._binary_path}: no such file, and without it libkmod finds no module"
        return Obstacle(ObstacleKind.NO_INDEX, module, text, f"depmod -a {facts.release}")

    def no_tree(self, module: str) -> Obstacle:
        """There is no module tree, or no modules at all."""
        facts = self._facts
        if self._has_no_modules():
            return Obstacle(
                ObstacleKind.NO_MODULE_SUPPORT,
                module,
                "no module support in this kernel, so that only built-in code counts",
                "a kernel with everything built in, or with CONFIG_MODULES",
            )
        around = facts.environment()
        others = [release for release in around.releases if release != facts.release]
        text = f"no module tree for {facts.release}"
        if around.container:
            return Obstacle(
                ObstacleKind.NO_TREE,
                module,
                f"{text} in this container ({around.container})",
                "run it on the host, whose kernel and modprobe.d decide, "
                "or mount the host's /lib/modules read-only",
            )
        install = self._package(self._lore.trees, "", "")
        if others:
            return Obstacle(
                ObstacleKind.NO_TREE,
                module,
                f"{text}, only for {', '.join(others)}: upgraded, and not rebooted?",
                f"reboot into {others[-1]}" + (f", or {install}" if install else ""),
            )
        remedy = install or "install the modules of this kernel"
        return Obstacle(ObstacleKind.NO_TREE, module, text, remedy)

    def file(self, name: str) -> Obstacle | None:
        """Why the file of a module is of no use."""
        body = self._facts.module_files.get(name)
        if body is None:
            return None
        if body.broken:
            missing = body.broken == "no such file"
            kind = ObstacleKind.NO_FILE if missing else ObstacleKind.BROKEN_FILE
            said = "modules.dep lists it, and there is no such file" if missing else body.broken
            return Obstacle(kind, name, f"{body.path}: {said}", self._again())
        other = self.other_kernel(name)
        # source: kernel/module/version.c same_magic(): with checksums of the symbols on either
        # side, these are compared instead of the release, and only a load tells how that ends
        versions = self._facts.config.get("MODVERSIONS") if self._facts.config else None
        if other and not ("modversions" in body.vermagic.split() and versions == "y"):
            return other
        return self._signature(name, body)

    def other_kernel(self, name: str) -> Obstacle | None:
        """The file of a module was built for another release, which need not be in its way."""
        body = self._facts.module_files.get(name)
        built_for = body.vermagic.partition(" ")[0] if body else ""
        if not body or not built_for or built_for == self._facts.release:
            return None
        text = f"{body.path}: built for {built_for} (version magic {body.vermagic})"
        sure = bool(self._facts.config) or "modversions" not in body.vermagic.split()
        return Obstacle(ObstacleKind.OTHER_KERNEL, name, text, self._again(), sure=sure)

    def _again(self) -> str:
        """How to get the files of this kernel's modules once more."""
        install = self._package(self._lore.trees, "", "")
        again = install.replace("apt install", "apt install --reinstall")
        return again or f"install the modules of {self._facts.release} again"

    def _signature(self, name: str, body: ModuleFile) -> Obstacle | None:
        if body.signed is not False:
            return None
        around = self._facts.environment()
        if around.lockdown in ("integrity", "confidentiality"):
            who = f"lockdown ({around.lockdown})"
        elif around.sig_enforce:
            who = "module.sig_enforce"
        else:
            return None
        return Obstacle(
            ObstacleKind.SIGNATURE,
            name,
            f"{who}: {body.path} has no signature",
            "use the distribution's own module, or sign this one with a key that the kernel knows",
        )

    def _has_no_modules(self) -> bool:
        """Whether the kernel was built without CONFIG_MODULES."""
        facts = self._facts
        if facts.config:
            return facts.config.get("MODULES") == "n"
        missing = {gap.path for gap in facts.unreadable if gap.missing}
        return (
            facts.algorithms is not None
            and {"proc/modules", "proc/sys/kernel/modules_disabled"} <= missing
        )

    def _package(self, packages: tuple[Package, ...], lacks: str, module: str) -> str:
        """The command that installs what is lacking; empty if nobody knows."""
        around, release = self._facts.environment(), self._facts.release
        if "openwrt" in around.distribution and module:
            if package := self._lore.openwrt.get(module):
                return f"opkg install {package}, or apk add {package}"
            return f"install the package that has {module}, one of those named kmod-*"
        for known in packages:
            if (
                known.os in around.distribution
                and known.lacks == lacks
                and glob(release, known.kernels)
            ):
                flavour = release.rpartition("-")[2]
                return known.install.format(release=release, flavour=flavour)
        return ""
