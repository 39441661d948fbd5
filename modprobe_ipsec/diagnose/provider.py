# SPDX-License-Identifier: GPL-3.0-or-later
"""Who answers one request: code of the kernel, a module, or nobody, and then why. Pure."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.diagnose.autoload import AutoloadPolicy
from modprobe_ipsec.diagnose.finding import LoadFailure, Resolution, ResolutionState, blocked
from modprobe_ipsec.diagnose.obstacles import ObstacleKind
from modprobe_ipsec.diagnose.obstacles.survey import ObstacleFinder
from modprobe_ipsec.diagnose.obstacles.tree import TreeChecks
from modprobe_ipsec.host.facts import Facts, ModuleIndex, ModuleState

_ASK = "ask the kernel: --check --prove"

_RANK = {
    ResolutionState.BUILTIN: 0,
    ResolutionState.LIVE: 0,
    ResolutionState.LOADABLE: 1,
    ResolutionState.BLOCKED: 2,
    ResolutionState.UNKNOWN: 3,
    ResolutionState.ABSENT: 4,
}


class Providers:
    """Looks single requests up on one host. `tried` are loads of this run that failed."""

    def __init__(
        self,
        facts: Facts,
        catalog: Catalog,
        survey: ObstacleFinder,
        tried: Mapping[str, LoadFailure],
    ) -> None:
        self._facts = facts
        self._catalog = catalog
        self._survey = survey
        self._tried = tried
        self._tree = TreeChecks(facts, catalog.knowledge)
        self._loading = AutoloadPolicy(facts, catalog.knowledge)

    def answer(self, alias: str, name: str, option: str) -> Resolution:
        """What answers an alias, by the module index or, without one, by what else is known."""
        index = self._facts.tree
        if index is None:
            return self._without_index(alias, name, option)
        best: Resolution | None = None
        named = (name,) if name in index.files or name in index.builtin else ()
        for module in index.aliases.get(alias, named):
            if module in self._catalog.never_load or self._is_for_hardware(module):
                continue
            finding = self.module(index, module, alias)
            if best is None or _RANK[finding.state] < _RANK[best.state]:
                best = finding
        if best:
            return best
        # Code without an alias, or one that came from elsewhere: the kernel's list knows it.
        if (self._facts.modules or {}).get(name) is ModuleState.LIVE:
            return Resolution(alias, ResolutionState.LIVE, name, "/proc/modules")
        config = self._facts.config
        if config and option and config.get(option) == "y":
            return Resolution(
                alias, ResolutionState.BUILTIN, name, f"/{config.path}: CONFIG_{option}=y"
            )
        if not name and config is None:
            # part of the core or not there at all, and only the configuration would tell
            because = f"no kernel configuration to look CONFIG_{option} up in"
            return Resolution(alias, ResolutionState.UNKNOWN, evidence=because)
        obstacle = self._tree.nothing_answers(alias, name, option)
        if obstacle:
            return blocked(alias, "", obstacle, unknown=config is None)
        because = f"no module and no built-in code of {self._facts.release} answers {alias}"
        remedy = f"a kernel with CONFIG_{option}" if option else "another kernel"
        return Resolution(alias, ResolutionState.ABSENT, evidence=because, remedy=remedy)

    def _without_index(self, alias: str, name: str, option: str) -> Resolution:
        facts = self._facts
        # one option builds one module, which may answer to several names: gcm also to rfc4106
        names = [n for n, built_by in self._catalog.config.items() if option and built_by == option]
        for module in (name, *names):
            if (facts.modules or {}).get(module) is ModuleState.LIVE:
                return Resolution(alias, ResolutionState.LIVE, module, "/proc/modules")
        value = facts.config.get(option) if facts.config and option else ""
        if value == "y" and facts.config:
            return Resolution(
                alias, ResolutionState.BUILTIN, name, f"/{facts.config.path}: CONFIG_{option}=y"
            )
        if value == "n" and (obstacle := self._tree.nothing_answers(alias, name, option)):
            return blocked(alias, "", obstacle)
        obstacle = self._tree.no_tree(name)
        # who has mounts of its own may miss a tree that the kernel's modprobe sees
        around = facts.environment()
        sure = value == "m" and not (around.container or around.own_mounts)
        if sure or (obstacle.kind is ObstacleKind.NO_MODULE_SUPPORT and value == "m"):
            return blocked(alias, name, obstacle)
        found = blocked(alias, name, obstacle, unknown=True)
        return found._replace(remedy=f"{obstacle.remedy}; or ask the kernel: --check --prove")

    def _is_for_hardware(self, module: str) -> bool:
        """Drivers of accelerator cards come with their device, never for an algorithm's sake."""
        index = self._facts.tree
        file = index.files.get(module) if index else None
        if file is None:
            return False
        return file.path.startswith("kernel/drivers/") or "/arch/" in file.path

    def module(
        self, index: ModuleIndex, module: str, alias: str, *, accelerator: bool = False
    ) -> Resolution:
        """How a module that answers a request stands."""
        facts = self._facts
        if (facts.modules or {}).get(module) in (ModuleState.LIVE, ModuleState.COMING):
            return Resolution(alias, ResolutionState.LIVE, module, "/proc/modules")
        if module in index.builtin:
            obstacle = self._survey.builtin(module)
            if obstacle:
                return blocked(alias, module, obstacle)
            return Resolution(alias, ResolutionState.BUILTIN, module, "modules.builtin")
        if module in self._tried:
            failure = self._tried[module]
            obstacle = self._survey.after_failure(module, of_file=failure.of_file)
            if obstacle:
                return blocked(alias, module, obstacle)._replace(
                    evidence=f"{obstacle.text} ({failure.evidence})"
                )
            remedy = failure.remedy or (self._loading.denied() if failure.denied else "")
            return Resolution(alias, failure.state, module, failure.evidence, remedy)
        if module not in index.files:
            obstacle = self._tree.no_index(module)
            if obstacle:
                return blocked(alias, module, obstacle)
            return Resolution(
                alias, ResolutionState.ABSENT, module, f"modules.dep does not list {module}"
            )
        if facts.running and facts.modules is None:
            why = "no list of the modules that are loaded"
            return Resolution(alias, ResolutionState.UNKNOWN, module, why, _ASK)
        obstacle = self._survey.module(module, alias)
        if obstacle:
            return blocked(alias, module, obstacle)
        return Resolution(
            alias,
            ResolutionState.LOADABLE,
            module,
            self._survey.remark(module),
            self._loading.loader(),
            autoload=self._loading.autoload(module, accelerator=accelerator),
        )
