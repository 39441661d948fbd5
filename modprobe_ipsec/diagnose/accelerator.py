# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPU's own implementations of an algorithm: not needed for an answer, only for speed. Pure."""

from collections.abc import Container

from modprobe_ipsec.base.crypto_names import expand
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.diagnose.finding import SERVED, Resolution
from modprobe_ipsec.diagnose.provider import Providers
from modprobe_ipsec.host.facts import Facts, ModuleIndex
from modprobe_ipsec.host.kernel.cpu import matches

# Machines whose code lies under another name in arch/.
_ARCH_DIRECTORIES = {"x86_64": "x86", "i686": "x86", "i586": "x86", "aarch64": "arm64"}


class Accelerators:
    """Looks for them on one host. `tried` are modules whose load has failed in this run."""

    def __init__(
        self, facts: Facts, catalog: Catalog, providers: Providers, tried: Container[str]
    ) -> None:
        self._facts = facts
        self._catalog = catalog
        self._providers = providers
        self._tried = tried
        self._arch = _ARCH_DIRECTORIES.get(facts.arch, facts.arch)

    def best(self, name: str) -> Resolution | None:
        """The CPU's own implementation of a name: the best one that is not live and may fit.

        None if there is none, or the best one is live or built in already.
        """
        index = self._facts.tree
        if index is None:
            return None
        ways: list[tuple[str, tuple[str, ...]]] = [(name, (name,))]
        for primitive, names in self._catalog.whole.get(self._arch, {}).items():
            wholes = expand(names, primitive)
            if name in wholes:
                ways.append((primitive, (primitive, *wholes)))
        for primitive, brings in ways:
            for module in self._candidates(index, primitive):
                alias = f"crypto-{primitive}"
                found = self._providers.module(index, module, alias, accelerator=True)
                if found.state in SERVED:
                    return None
                if module not in self._tried:
                    because = found.evidence or f"this CPU's own {primitive}"
                    return found._replace(evidence=because, accelerator=True, brings=brings)
        return None

    def _candidates(self, index: ModuleIndex, primitive: str) -> list[str]:
        """Modules with this CPU's implementation of a primitive, the best first."""
        found: dict[str, tuple[bool, int, int]] = {}
        answers = [
            module
            for alias in (f"crypto-{primitive}", f"crypto-{primitive}-all")
            for module in index.aliases.get(alias, ())
        ]
        for module in answers:
            file = index.files.get(module)
            if file is None or module in self._catalog.never_load:
                continue
            patterns = index.cpu_patterns.get(module, ())
            if patterns:
                if not any(matches(self._facts.cpu_modalias, pattern) for pattern in patterns):
                    continue
            elif "kernel/arch/" not in file.path or not self._cpu_has(module):
                continue
            depth = sum(dependency in answers for dependency in file.deps)
            found[module] = (bool(patterns), depth, self._word_rank(module))
        return sorted(found, key=lambda module: found[module], reverse=True)

    def _cpu_has(self, module: str) -> bool:
        """Whether no word in the module's name asks for what this CPU has not."""
        flags = self._facts.cpu_flags
        words = module.split("_")
        asked = [self._catalog.cpu_words[word] for word in words if word in self._catalog.cpu_words]
        return not flags or all(flag in flags for flag in asked)

    def _word_rank(self, module: str) -> int:
        order = list(self._catalog.cpu_words)
        return max(
            (order.index(word) + 1 for word in module.split("_") if word in order), default=0
        )
