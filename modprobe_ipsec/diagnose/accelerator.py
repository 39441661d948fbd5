# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPU's own implementations of an algorithm: not needed for an answer, only for speed. Pure."""

from modprobe_ipsec.base.annotations import Iterable, Mapping
from modprobe_ipsec.base.names import expand
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.diagnose.requests import Requests
from modprobe_ipsec.host.facts import Facts, IndexedModule, ModuleIndex
from modprobe_ipsec.host.kernel.cpu import fitting


class Accelerator(Value):
    """A module that may serve a name better than what every CPU can do."""

    module: str
    # What the module answers to: crypto-aes
    alias: str
    # Names that it is expected to register.
    registers: tuple[str, ...]


def accelerators(
    requests: Requests, facts: Facts, catalog: Catalog
) -> dict[str, tuple[Accelerator, ...]]:
    """For each name of the crypto API what the CPU's own code has, the best first."""
    index = facts.module_index
    if index is None:
        return {}
    wholes = catalog.whole.get(catalog.machines.get(facts.arch, facts.arch), {})
    # name -> (what a module implements, what it then registers)
    ways: dict[str, list[tuple[str, tuple[str, ...]]]] = {
        name: [(name, (name,))] for name in requests.crypto
    }
    for word, names in wholes.items():
        registers = (word, *expand(names, word))
        for name in registers[1:]:
            if name in ways:
                ways[name].append((word, registers))
    words = {
        word: index.aliases.get(f"crypto-{word}", ()) for way in ways.values() for word, _ in way
    }
    for word, modules in words.items():
        words[word] = (*modules, *index.aliases.get(f"crypto-{word}-all", ()))
    ranked = _ranked(words, index, facts, catalog)
    return {
        name: tuple(
            Accelerator(module=module, alias=f"crypto-{word}", registers=registers)
            for word, registers in way
            for module in ranked[word]
        )
        for name, way in ways.items()
    }


def _ranked(
    words: Mapping[str, tuple[str, ...]], index: ModuleIndex, facts: Facts, catalog: Catalog
) -> dict[str, list[str]]:
    """Modules with this CPU's implementation, of those that answer each word, the best first."""
    answering = dict.fromkeys(module for modules in words.values() for module in modules)
    files = {
        module: index.files[module]
        for module in answering
        if module in index.files and module not in catalog.never_load
    }
    patterns = {module: index.cpu_patterns.get(module, ()) for module in files}
    fits = fitting(facts.cpu_modalias, patterns)
    for module in [module for module in files if module not in fits]:
        # no pattern: only where it lies, and words of its name, say whom it is for
        ours = not patterns[module] and "kernel/arch/" in files[module].path
        if not (ours and _cpu_has(module, facts, catalog)):
            del files[module]
    order = {word: place for place, word in enumerate(catalog.cpu_words, 1)}
    return {
        word: _sorted({m: files[m] for m in modules if m in files}, modules, patterns, order)
        for word, modules in words.items()
    }


def _sorted(
    files: Mapping[str, IndexedModule],
    answering: Iterable[str],
    patterns: Mapping[str, tuple[str, ...]],
    order: Mapping[str, int],
) -> list[str]:
    def rank(module: str) -> tuple[bool, int, int]:
        depth = sum(dependency in answering for dependency in files[module].deps)
        words = (order.get(word, 0) for word in module.split("_"))
        return bool(patterns[module]), depth, max(words)

    return sorted(files, key=rank, reverse=True)


def _cpu_has(module: str, facts: Facts, catalog: Catalog) -> bool:
    """Whether no word in the module's name asks for what this CPU has not."""
    flags, known = facts.cpu_flags, catalog.cpu_words
    return not flags or all(known[word] in flags for word in module.split("_") if word in known)
