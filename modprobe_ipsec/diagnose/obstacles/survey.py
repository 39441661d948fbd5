# SPDX-License-Identifier: GPL-3.0-or-later
"""The first thing that keeps a module out, in the order of a load.

What libkmod reads, then the file, then what the kernel refuses. Pure: facts and map in, values out.
"""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.catalog.obstacles import Symptom
from modprobe_ipsec.diagnose.obstacles import Obstacle, ObstacleKind, mitigation
from modprobe_ipsec.diagnose.obstacles.tree import TreeChecks
from modprobe_ipsec.host.facts import Directive, Facts, ModuleState, Rule
from modprobe_ipsec.host.kernel.modprobe_d import ModprobeRules as Rules
from modprobe_ipsec.host.kernel.modprobe_d import applies, blocks

_DECIDES = "if IPsec is wanted here, remove that line; it is never talked around"
_MEANS = {
    ObstacleKind.BLACKLIST: "it stops the kernel's own loading, by alias, and not a load by name; "
    "it is honoured here",
    ObstacleKind.ALIAS: "it stops the kernel's own loading; it is honoured here",
    ObstacleKind.MODULE_BLACKLIST: "the kernel itself refuses it",
}


class ObstacleFinder:
    """Looks for what keeps modules out of one kernel."""

    def __init__(self, facts: Facts, catalog: Catalog) -> None:
        self._facts = facts
        self._lore = catalog.knowledge
        self._rules = Rules(facts.rules)
        self._tree = TreeChecks(facts, catalog.knowledge)
        self._initcalls = {
            rule.name: rule
            for rule in facts.rules
            if rule.directive is Directive.INITCALL_BLACKLIST
        }

    def module(self, module: str, alias: str) -> Obstacle | None:
        """The first thing that keeps a module of the tree, asked for by an alias, from coming.

        What may be no obstacle at all counts only if nothing else is one.
        """
        doubtful: Obstacle | None = None
        for obstacle in self._all(module, alias):
            if obstacle.sure:
                return obstacle
            doubtful = doubtful or obstacle
        return doubtful

    def _all(self, module: str, alias: str) -> Iterator[Obstacle]:
        if obstacle := self._tree.no_binary_index(module):
            yield obstacle
        files = self._facts.tree.files if self._facts.tree else {}
        asked = self._rules.find(alias)
        # what a command does for an alias only a run would tell, and no load here is by alias
        if asked and blocks(asked):
            yield self._rule(asked, module)
        names = [n for n in (module, *files[module].deps) if not self._is_live(n)]
        for name in names:
            rule = self._rules.find(name)
            if rule and blocks(rule):
                yield self._rule(rule, name)
        for name in names:
            if obstacle := self._tree.file(name):
                yield obstacle
        if self._facts.modules_disabled:
            yield Obstacle(
                ObstacleKind.MODULES_DISABLED,
                module,
                "kernel.modules_disabled = 1: no module until reboot",
                "reboot, and run modprobe-ipsec before kernel.modules_disabled is set "
                "(see /etc/sysctl.conf and /etc/sysctl.d)",
            )

    def after_failure(self, module: str, *, of_file: bool = False) -> Obstacle | None:
        """Why a module did not come: a command was run instead, or a file is another kernel's.

        `of_file`: the kernel looked at the file and did not take it.
        """
        files = self._facts.tree.files if self._facts.tree else {}
        deps = files[module].deps if module in files else ()
        names = [name for name in (module, *deps) if not self._is_live(name)]
        for name in names:
            rule = self._rules.find(name)
            if rule and rule.directive is Directive.INSTALL:
                return self._rule(rule, name)
        others = (found for name in names if (found := self._tree.other_kernel(name)))
        return next(others, None) if of_file else None

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
            ObstacleKind.FIPS,
            name,
            f"FIPS mode (crypto.fips_enabled = 1): the kernel does not give out {name}",
            "choose an algorithm that is approved, such as AES-GCM, or AES-CBC with HMAC-SHA2",
        )

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

    def symptom(self, request: str) -> Symptom | None:
        """What the kernel and the daemons say where a request stays without an answer."""
        begins = [start for start in self._lore.symptoms if request.startswith(start)]
        return self._lore.symptoms[max(begins, key=len)] if begins else None

    def _is_live(self, name: str) -> bool:
        return (self._facts.modules or {}).get(name) is ModuleState.LIVE

    def _rule(self, rule: Rule, module: str) -> Obstacle:
        kind = ObstacleKind(rule.directive)
        means = _MEANS.get(kind, "")
        if kind is ObstacleKind.INSTALL:
            program = rule.command.split(maxsplit=1)[0] if rule.command else ""
            if program.rpartition("/")[2] in ("true", ":"):
                means = "modprobe reports success and loads nothing"
        found = Obstacle(kind, module, f"{rule.where}: {rule.text}", "", means, rule=rule)
        if rule.where.startswith("/") and self._facts.environment().container:
            return found._replace(
                text=f"{found.text} (in this container; the host's modprobe.d counts)",
                remedy="modprobe-ipsec --check on the host tells whether it says the same there",
                sure=False,
            )
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
            around = self._facts.environment()
            remedy += ". " + mitigation.decision(holes, self._facts.release, around.build)
        against = tuple(f"{hole.name} ({hole.cve})" for hole in holes)
        return found._replace(remedy=remedy, against=against)
