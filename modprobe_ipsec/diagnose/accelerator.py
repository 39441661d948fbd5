# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPU's own implementations of an algorithm: not needed for an answer, only for speed. Pure.

A candidate for a name answers it by an alias, or is known to register it, or has nothing but an
alias of the CPU's. What that alias, or a word of its name, says of the CPU is for udev and for the
order in which candidates are tried; whether one starts here it knows itself, and says so by ENODEV.
"""

from modprobe_ipsec.base.annotations import Iterable, Iterator, Mapping
from modprobe_ipsec.base.names import expand, glob
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Architecture, Catalog, CpuModule
from modprobe_ipsec.diagnose.requests import Requests
from modprobe_ipsec.host.facts import Facts, ModuleIndex
from modprobe_ipsec.host.kernel.cpu import fitting


class Accelerator(Value):
    """A module that may serve a name better than what every CPU can do."""

    module: str
    # What the module answers to: crypto-aes
    alias: str
    # Names that it is expected to register.
    registers: tuple[str, ...]
    # Whether what it asks for is there, and that is enough; False: it may serve or not, and is
    # worth a try only where something has to be loaded anyway.
    likely: bool = True


_ARCH = "kernel/arch/"
_NOTHING_KNOWN = CpuModule()


def accelerators(
    requests: Requests, facts: Facts, catalog: Catalog
) -> dict[str, tuple[Accelerator, ...]]:
    """For each name of the crypto API what the CPU's own code has, the best first."""
    index = facts.module_index
    if index is None:
        return {}
    machine = catalog.architecture(facts.arch)
    # name -> (what a module implements, what it then registers)
    ways: dict[str, list[tuple[str, tuple[str, ...]]]] = {
        name: [(name, (name,))] for name in requests.crypto
    }
    for word, names in machine.whole.items():
        registers = (word, *expand(names, word))
        for name in registers[1:]:
            if name in ways:
                ways[name].append((word, registers))
    aliases = index.aliases
    answering = {
        word: (*aliases.get(f"crypto-{word}", ()), *aliases.get(f"crypto-{word}-all", ()))
        for word in dict.fromkeys(word for way in ways.values() for word, _ in way)
    }
    alone = dict(_without_alias(ways, machine, index))
    ours = _OfThisCpu(machine, facts, index, catalog)
    ours.look_at(dict.fromkeys((*(m for group in answering.values() for m in group), *alone)))
    found: dict[str, list[Accelerator]] = {name: [] for name in ways}
    for name, way in ways.items():
        for word, registers in way:
            found[name] += (
                Accelerator(module=module, alias=f"crypto-{word}", registers=registers)
                for module in answering[word]
                if word == name or ours.has_all_of_it(module)
            )
    for module, names in alone.items():
        for name in names:
            if name in found:
                accelerator = Accelerator(module=module, alias=f"crypto-{name}", registers=names)
                found[name].append(accelerator)
    return {name: ours.best_first(candidates) for name, candidates in found.items() if candidates}


def _without_alias(
    ways: Mapping[str, object], machine: Architecture, index: ModuleIndex
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Modules of the CPU's that no alias of the crypto API names, and what they register."""
    for module, known in machine.modules.items():
        if known.registers and module in index.files:
            yield module, known.registers
    for module in index.cpu_alone():
        if module not in machine.modules and module not in machine.stays_out:
            # all that is left to tell what it is for is its name: sha2_new_ce
            stem = module.partition("_")[0]
            letters = stem.rstrip("0123456789")
            names = tuple(n for n in ways if "(" not in n and letters and n.startswith(letters))
            if names:
                yield module, names


class _OfThisCpu:
    """Which candidates are this CPU's own, and in which order they are tried."""

    def __init__(
        self, machine: Architecture, facts: Facts, index: ModuleIndex, catalog: Catalog
    ) -> None:
        self._machine, self._facts = machine, facts
        self._index, self._catalog = index, catalog
        self._order = {word: place for place, word in enumerate(machine.words, 1)}
        # Whether the CPU has what each of them asks for; what is not ours is not in it.
        self._likely: dict[str, bool] = {}
        self._patterns: Mapping[str, tuple[str, ...]] = {}
        self._fits: frozenset[str] = frozenset()

    def look_at(self, modules: Iterable[str]) -> None:
        """Find out about all of these at once."""
        files = self._index.files
        ours = [m for m in modules if m in files and m not in self._catalog.never_load]
        self._patterns = {m: self._index.cpu_patterns.get(m, ()) for m in ours}
        self._fits = fits = fitting(self._facts.cpu_modalias, self._patterns)
        for module in ours:
            known = self._machine.modules.get(module)
            path = files[module].path
            # where all of them lie flat, an alias of the CPU's tells
            own = path.startswith(_ARCH) or ("/" not in path and self._patterns[module])
            if not (own or known or module in fits):
                # hardware beside the CPU comes with its device
                continue
            if module in self._machine.stays_out:
                continue
            likely = self._is_likely(module, known or _NOTHING_KNOWN, module in fits)
            if likely or not self._is_sure(module, known):
                told = any(glob(module, pattern) for pattern in self._machine.told_afterwards)
                self._likely[module] = likely and not told

    def has_all_of_it(self, module: str) -> bool:
        """Whether this CPU has what the module's alias asks for, if that asks for anything.

        Only then does it register what makes it more than a primitive, such as GCM as a whole.
        """
        return module in self._fits or not self._patterns.get(module)

    def _is_likely(self, module: str, known: CpuModule, fits: bool) -> bool:
        facts = self._facts
        if known.cpu:
            return not facts.cpu_modalias or glob(facts.cpu_modalias, f"{known.cpu}*")
        if known.flags is not None:
            return not (known.flags and facts.cpu_flags) or self._has(known.flags)
        if self._patterns[module]:
            return fits
        words = (self._machine.words.get(word) for word in module.split("_"))
        return not facts.cpu_flags or all(self._has(flags) for flags in words if flags)

    def _is_sure(self, module: str, known: CpuModule | None) -> bool:
        """Whether a module that asks for what is not there cannot start."""
        if known and (known.cpu or known.flags is not None):
            return True
        return any(glob(module, pattern) for pattern in self._machine.told_beforehand)

    def _has(self, flags: Iterable[str]) -> bool:
        return not self._facts.cpu_flags.isdisjoint(flags)

    def best_first(self, candidates: Iterable[Accelerator]) -> tuple[Accelerator, ...]:
        """Those that may start here; the likely ones first, and of these the best."""
        likely = self._likely
        ours: dict[str, Accelerator] = {}
        for candidate in candidates:
            if candidate.module in likely:
                ours.setdefault(candidate.module, candidate)
        names = frozenset(ours)

        def rank(each: Accelerator) -> tuple[bool, bool, int, int]:
            module = each.module
            depth = sum(dep in names for dep in self._index.files[module].deps)
            words = (self._order.get(word, 0) for word in module.split("_"))
            return likely[module], bool(self._patterns[module]), depth, max(words)

        ranked = sorted(ours.values(), key=rank, reverse=True)
        return tuple(each._replace(likely=likely[each.module]) for each in ranked)
