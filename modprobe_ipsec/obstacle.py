# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of one module on one host: the first thing, its evidence, what helps.

Pure: facts and the map in, values out. The order is that of a load: what libkmod reads, then the
file, then what the kernel refuses.
"""

from enum import StrEnum
from typing import NamedTuple

from modprobe_ipsec import mitigation
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.catalog.obstacles import Package, Symptom
from modprobe_ipsec.host.facts import Body, Directive, Facts, ModuleState, Rule
from modprobe_ipsec.host.modprobe_d import Obstacles as Rules
from modprobe_ipsec.host.modprobe_d import applies, blocks
from modprobe_ipsec.host.names import glob


class Kind(StrEnum):
    """What it is that stands in the way."""

    INSTALL = "install"
    BLACKLIST = "blacklist"
    ALIAS = "alias"
    MODULE_BLACKLIST = "module_blacklist"
    INITCALL_BLACKLIST = "initcall_blacklist"
    MODULES_DISABLED = "modules_disabled"
    SIGNATURE = "signature"
    FIPS = "fips"
    NO_TREE = "no module tree"
    NO_INDEX = "no module index"
    NO_FILE = "no module file"
    BROKEN_FILE = "broken module file"
    OTHER_KERNEL = "module of another kernel"
    NOT_BUILT = "not built"
    OTHER_PACKAGE = "in another package"
    NO_MODULE_SUPPORT = "no module support"


# Somebody or something forbids it, as against: it is not there, or is of no use.
FORBIDS = frozenset(
    {
        Kind.INSTALL,
        Kind.BLACKLIST,
        Kind.ALIAS,
        Kind.MODULE_BLACKLIST,
        Kind.INITCALL_BLACKLIST,
        Kind.MODULES_DISABLED,
        Kind.SIGNATURE,
        Kind.FIPS,
    }
)


class Obstacle(NamedTuple):
    """One thing in the way, with its evidence and what would remove it."""

    kind: Kind
    # What it keeps out: the module asked for, or one that it cannot do without.
    module: str
    # The evidence with its place: `/etc/modprobe.d/x.conf:3: install esp4 /bin/false`
    text: str
    remedy: str
    # What it does that is not obvious.
    means: str = ""
    # The holes in the kernel that such a line was shipped against: `Dirty Frag (CVE-2026-43284)`
    against: tuple[str, ...] = ()
    rule: Rule | None = None


class Autoload(NamedTuple):
    """Whether the kernel would load a module by itself when it needs it, and why not."""

    # None: cannot be told.
    works: bool | None
    why: str = ""


_DECIDES = "if IPsec is wanted here, remove that line; it is never talked around"
_MEANS = {
    Kind.BLACKLIST: "it stops the kernel's own loading, by alias, and not a load by name; "
    "it is honoured here",
    Kind.ALIAS: "it stops the kernel's own loading; it is honoured here",
    Kind.MODULE_BLACKLIST: "the kernel itself refuses it",
}


class Survey:
    """Looks for obstacles on one host."""

    def __init__(self, facts: Facts, catalog: Catalog) -> None:
        self._facts = facts
        self._lore = catalog.lore
        self._rules = Rules(facts.rules)
        self._initcalls = {
            rule.name: rule
            for rule in facts.rules
            if rule.directive is Directive.INITCALL_BLACKLIST
        }
        gap = next((gap for gap in facts.gaps if gap.path.endswith("/modules.dep")), None)
        # Where the index should be, if it is not.
        self._index_path = f"/{gap.path}" if gap and facts.tree else ""

    def module(self, module: str, alias: str) -> Obstacle | None:
        """The first thing that keeps a module of the tree, asked for by an alias, from coming."""
        files = self._facts.tree.files if self._facts.tree else {}
        asked = self._rules.find(alias)
        # what a command does for an alias only a run would tell, and no load here is by alias
        if asked and blocks(asked):
            return self._rule(asked, module)
        names = [n for n in (module, *files[module].deps) if not self._is_live(n)]
        for name in names:
            rule = self._rules.find(name)
            if rule and blocks(rule):
                return self._rule(rule, name)
        for name in names:
            found = self._file(name)
            if found:
                return found
        if self._facts.modules_disabled:
            return Obstacle(
                Kind.MODULES_DISABLED,
                module,
                "kernel.modules_disabled = 1: no module until reboot",
                "reboot, and run modprobe-ipsec before kernel.modules_disabled is set "
                "(see /etc/sysctl.conf and /etc/sysctl.d)",
            )
        return None

    def after_failure(self, module: str) -> Obstacle | None:
        """The command that was run instead of a load, and the module did not come."""
        files = self._facts.tree.files if self._facts.tree else {}
        deps = files[module].deps if module in files else ()
        for name in (module, *deps):
            rule = None if self._is_live(name) else self._rules.find(name)
            if rule and rule.directive is Directive.INSTALL:
                return self._rule(rule, name)
        return None

    def builtin(self, module: str) -> Obstacle | None:
        """What kept built-in code from being started."""
        if not self._initcalls:
            return None
        for function in self._lore.initcalls.get(module, ()):
            if function in self._initcalls:
                rule = self._initcalls[function]
                return self._rule(rule, module)._replace(
                    means=f"{function} starts the built-in {module}, and never ran"
                )
        return None

    def fips(self, name: str) -> Obstacle:
        """An algorithm that FIPS mode forbids."""
        return Obstacle(
            Kind.FIPS,
            name,
            f"FIPS mode (crypto.fips_enabled = 1): the kernel does not give out {name}",
            "choose an algorithm that is approved, such as AES-GCM, or AES-CBC with HMAC-SHA2",
        )

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
                Kind.OTHER_PACKAGE,
                name,
                f"{place}: CONFIG_{option}=m, and the module tree has no {name}",
                install or "install the package of this kernel's modules that has it",
            )
        if value == "n":
            install = self._package(self._lore.packages, "option", name)
            return Obstacle(
                Kind.NOT_BUILT,
                name,
                f"{place}: CONFIG_{option} is not set",
                f"{install}, and reboot into it" if install else f"a kernel with CONFIG_{option}",
            )
        install = self._package((), "", name)
        if install:
            text = f"nothing of {facts.release} answers {alias}"
            return Obstacle(Kind.OTHER_PACKAGE, name, text, install)
        return None

    def no_index(self, module: str) -> Obstacle | None:
        """The module tree has no list of its modules."""
        if not self._index_path:
            return None
        text = f"{self._index_path}: no such file, so that no module is found"
        install = self._package((), "", module)
        if install:
            # OpenWrt finds modules without an index
            return Obstacle(Kind.OTHER_PACKAGE, module, text, install)
        return Obstacle(Kind.NO_INDEX, module, text, f"depmod -a {self._facts.release}")

    def no_tree(self, module: str) -> Obstacle:
        """There is no module tree, or no modules at all."""
        facts = self._facts
        if self._has_no_modules():
            return Obstacle(
                Kind.NO_MODULE_SUPPORT,
                module,
                "no module support in this kernel, so that only built-in code counts",
                "a kernel with everything built in, or with CONFIG_MODULES",
            )
        around = facts.around()
        others = [release for release in around.releases if release != facts.release]
        text = f"no module tree for {facts.release}"
        if around.container:
            return Obstacle(
                Kind.NO_TREE,
                module,
                f"{text} in this container ({around.container})",
                "run it on the host, whose kernel and modprobe.d decide, "
                "or mount the host's /lib/modules read-only",
            )
        install = self._package(self._lore.trees, "", "")
        if others:
            return Obstacle(
                Kind.NO_TREE,
                module,
                f"{text}, only for {', '.join(others)}: upgraded, and not rebooted?",
                f"reboot into {others[-1]}" + (f", or {install}" if install else ""),
            )
        remedy = install or "install the modules of this kernel"
        return Obstacle(Kind.NO_TREE, module, text, remedy)

    def autoload(self, module: str, *, faster: bool) -> Autoload:
        """Whether the kernel would load a module that nothing keeps out."""
        facts = self._facts
        if faster:
            udev = facts.tree and module in facts.tree.cpu_patterns
            who = "udev may load it for its CPU at boot" if udev else "nobody does"
            return Autoload(False, f"the kernel makes do with what it has; {who}")
        if not facts.running:
            return Autoload(None, "this kernel does not run here")
        if facts.modprobe_path == "":
            return Autoload(False, "kernel.modprobe is empty")
        if facts.modprobe_path is None:
            return Autoload(None, "kernel.modprobe cannot be read")
        around = facts.around()
        if around.modprobe_there is False:
            path = facts.modprobe_path
            return Autoload(False, f"kernel.modprobe is {path}, and there is no such program")
        if around.selinux:
            return Autoload(None, "SELinux decides for the daemon's domain (module_request)")
        return Autoload(True)

    def symptom(self, request: str) -> Symptom | None:
        """What the kernel and the daemons say where a request stays without an answer."""
        begins = [start for start in self._lore.symptoms if request.startswith(start)]
        return self._lore.symptoms[max(begins, key=len)] if begins else None

    def loader(self) -> str:
        """Who can load what is loadable, and how."""
        if not self._facts.running:
            return "run modprobe-ipsec where this kernel runs, as root"
        around = self._facts.around()
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
        return f"run modprobe-ipsec without --check, as root{missing}"

    def remark(self, module: str) -> str:
        """What a load would do beyond itself, by modprobe.d; empty if nothing."""
        for rule in self._facts.rules:
            if rule.directive is Directive.INSTALL and applies(rule, module):
                if blocks(rule) is None:
                    return f"{rule.where}: {rule.text}: only a run would tell what that does"
                return ""
            if rule.directive is Directive.SOFTDEP and applies(rule, module):
                return f"{rule.where}: {rule.text}: those come along"
        return ""

    def _is_live(self, name: str) -> bool:
        return (self._facts.modules or {}).get(name) is ModuleState.LIVE

    def _has_no_modules(self) -> bool:
        """Whether the kernel was built without CONFIG_MODULES."""
        facts = self._facts
        if facts.config:
            return facts.config.get("MODULES") == "n"
        missing = {gap.path for gap in facts.gaps if gap.missing}
        return (
            facts.algorithms is not None
            and {"proc/modules", "proc/sys/kernel/modules_disabled"} <= missing
        )

    def _rule(self, rule: Rule, module: str) -> Obstacle:
        kind = Kind(rule.directive)
        means = _MEANS.get(kind, "")
        if kind is Kind.INSTALL:
            program = rule.command.split(maxsplit=1)[0] if rule.command else ""
            if program.rpartition("/")[2] in ("true", ":"):
                means = "modprobe reports success and loads nothing"
        found = Obstacle(kind, module, f"{rule.where}: {rule.text}", "", means, rule=rule)
        if rule.where.startswith("/"):
            remedy = f"whoever set {rule.where} decides: {_DECIDES}"
        else:
            remedy = (
                f"whoever set {rule.text.partition('=')[0]}= on the kernel command line decides: "
                f"if IPsec is wanted here, take {rule.name} out of the boot loader's "
                "configuration and reboot; it is never talked around"
            )
        holes = mitigation.behind(rule, module, self._lore.mitigations)
        if holes:
            around = self._facts.around()
            remedy += ". " + mitigation.decision(holes, self._facts.release, around.build)
        against = tuple(f"{hole.name} ({hole.cve})" for hole in holes)
        return found._replace(remedy=remedy, against=against)

    def _file(self, name: str) -> Obstacle | None:
        body = self._facts.bodies.get(name)
        if body is None:
            return None
        again = self._package(self._lore.trees, "", "").replace(
            "apt install", "apt install --reinstall"
        )
        again = again or f"install the modules of {self._facts.release} again"
        if body.broken:
            missing = body.broken == "no such file"
            kind = Kind.NO_FILE if missing else Kind.BROKEN_FILE
            said = "modules.dep lists it, and there is no such file" if missing else body.broken
            return Obstacle(kind, name, f"{body.path}: {said}", again)
        built_for = body.vermagic.partition(" ")[0]
        if built_for and built_for != self._facts.release:
            text = f"{body.path}: built for {built_for} (version magic {body.vermagic})"
            return Obstacle(Kind.OTHER_KERNEL, name, text, again)
        return self._signature(name, body)

    def _signature(self, name: str, body: Body) -> Obstacle | None:
        if body.signed is not False:
            return None
        around = self._facts.around()
        if around.lockdown in ("integrity", "confidentiality"):
            who = f"lockdown ({around.lockdown})"
        elif around.sig_enforce:
            who = "module.sig_enforce"
        else:
            return None
        return Obstacle(
            Kind.SIGNATURE,
            name,
            f"{who}: {body.path} has no signature",
            "use the distribution's own module, or sign this one with a key that the kernel knows",
        )

    def _package(self, packages: tuple[Package, ...], lacks: str, module: str) -> str:
        """The command that installs what is lacking; empty if nobody knows."""
        around, release = self._facts.around(), self._facts.release
        if "openwrt" in around.distribution and module in self._lore.openwrt:
            return f"opkg install {self._lore.openwrt[module]} (apk add, since OpenWrt 25.12)"
        for package in packages:
            if (
                package.os in around.distribution
                and package.lacks == lacks
                and glob(release, package.kernels)
            ):
                flavour = release.rpartition("-")[2]
                return package.install.format(release=release, flavour=flavour)
        return ""
