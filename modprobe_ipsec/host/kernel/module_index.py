# SPDX-License-Identifier: GPL-3.0-or-later
"""The module tree that depmod indexed, and the state of each module now.

The text indexes are read, not depmod's binary ones: they say the same and need no libkmod. libkmod
reads nothing but the binary ones.
"""

from modprobe_ipsec.base.annotations import Iterator, Mapping
from modprobe_ipsec.base.names import canonical, module_of, underscores
from modprobe_ipsec.host.facts import (
    BINARY_INDEXES,
    IndexedModule,
    ModuleIndex,
    ModuleState,
    Unreadable,
)
from modprobe_ipsec.host.root import TREE_LIMIT, Host

# How the aliases begin that matter here: of the 26,000 of a distribution's kernel some 600.
KINDS = r"(?:c(?:rypto-|pu:type:|har-major-10-200)|xfrm-|net-pf-|rtnl-link-|ipt_|nft-expr-)"
_CPU = "cpu:type:"
# kernel/module/procfs.c:m_show and kernel/module/sysfs.c:show_initstate
_STATES = {
    "Live": ModuleState.LIVE,
    "Loading": ModuleState.COMING,
    "Unloading": ModuleState.GOING,
    "live": ModuleState.LIVE,
    "coming": ModuleState.COMING,
    "going": ModuleState.GOING,
}

Names = tuple[str, ...]
Softdep = tuple[Names, Names]


class _Files(Mapping[str, IndexedModule]):
    """modules.dep, of whose 4000 lines only those asked for are taken apart."""

    __slots__ = ("_lines",)

    def __init__(self, text: str) -> None:
        # module_of() of each, without a call for each of 4000
        self._lines = {
            line.partition(".ko")[0].rpartition("/")[2].replace("-", "_"): line
            for line in text.split("\n")
            if ":" in line
        }

    def __getitem__(self, name: str) -> IndexedModule:
        path, _, deps = self._lines[name].partition(":")
        return IndexedModule(name, path, tuple(module_of(dep) for dep in deps.split()))

    def __contains__(self, name: object) -> bool:
        return name in self._lines

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


def read_index(host: Host, gaps: list[Unreadable]) -> ModuleIndex | None:
    """The module tree of the host's kernel; None if there is none."""
    if not host.exists(host.tree):
        gaps.append(Unreadable(host.tree, "no modules of this kernel", missing=True))
        return None

    def text(name: str) -> str | None:
        return host.text(f"{host.tree}/{name}", gaps, TREE_LIMIT)

    binary = [f"{host.tree}/{name}" for name in BINARY_INDEXES]
    modinfo = text("modules.builtin.modinfo")
    aliases, cpu_patterns, builtin = parse_aliases(text("modules.alias") or "", modinfo or "")
    return ModuleIndex(
        files=_Files(text("modules.dep") or ""),
        aliases=aliases,
        cpu_patterns=cpu_patterns,
        # what can only be built in is in none but modules.builtin.modinfo
        builtin=builtin.union(map(module_of, (text("modules.builtin") or "").split())),
        knows_builtin_aliases=modinfo is not None,
        softdeps=parse_softdeps(text("modules.softdep") or ""),
        lacks=tuple(f"/{path}" for path in binary if host.exists(path) is False),
    )


def parse_deps(text: str) -> Mapping[str, IndexedModule]:
    """modules.dep: a line `kernel/net/ipv4/esp4.ko: kernel/net/xfrm/xfrm_algo.ko` a module."""
    return _Files(text)


def parse_aliases(
    alias: str, modinfo: str, kinds: str = KINDS
) -> tuple[dict[str, Names], dict[str, Names], frozenset[str]]:
    """modules.alias and, after it, modules.builtin.modinfo (`NAME.alias=ALIAS` ended by NUL).

    `kinds` is a regular expression of the beginnings of those that are wanted. Returns the modules
    by alias, the `cpu:type:` patterns by module, and the names that the second one knows.
    """
    by_alias: dict[str, dict[str, None]] = {}
    patterns: dict[str, dict[str, None]] = {}
    # a tree of 26,000 aliases is worth the import: nothing else is as fast
    import re

    pairs = re.findall(rf"\nalias ({kinds}[^ \n]*) ([^ \n]+)", "\n" + alias)
    builtin = re.findall(rf"\0([^.\0]+)\.alias=({kinds}[^\0]*)", "\0" + modinfo)
    pairs += [(word, name) for name, word in builtin]
    for word, name in pairs:
        name = canonical(name)
        if word.startswith(_CPU):
            patterns.setdefault(name, {})[word] = None
        else:
            by_alias.setdefault(word, {})[name] = None
    return (
        {word: tuple(names) for word, names in by_alias.items()},
        {name: tuple(words) for name, words in patterns.items()},
        frozenset(canonical(name) for name, _ in builtin),
    )


def parse_softdeps(text: str) -> dict[str, Softdep]:
    """modules.softdep: `softdep NAME pre: A B post: C`; as in libkmod the first line counts."""
    softdeps: dict[str, Softdep] = {}
    for line in text.split("\n"):
        word, _, rest = line.partition(" ")
        name, _, wanted = rest.strip().partition(" ")
        if word == "softdep" and (known := underscores(name)):
            softdeps.setdefault(known, softdep(wanted))
    return softdeps


def softdep(words: str) -> Softdep:
    """Split `pre: A B post: C`; words before the first of the two mean nothing to libkmod."""
    found: dict[str, list[str]] = {"": [], "pre:": [], "post:": []}
    where = ""
    for word in words.split():
        if word in ("pre:", "post:"):
            where = word
        else:
            found[where].append(word)
    return tuple(found["pre:"]), tuple(found["post:"])


def read_states(
    host: Host, gaps: list[Unreadable], before: Mapping[str, ModuleState] | None = None
) -> dict[str, ModuleState] | None:
    """What /proc/modules and /sys/module say; None if the kernel keeps no list of modules.

    `before` is what they said earlier: what is built in is not asked again.
    """
    listed = host.text("proc/modules", gaps)
    states = parse_states(listed or "")
    names = host.list_dir("sys/module")
    if isinstance(names, Unreadable):
        gaps.append(names)
        return None if listed is None else states
    for name in names:
        if name in states:
            continue
        if before and before.get(name) is ModuleState.BUILTIN:
            states[name] = ModuleState.BUILTIN
            continue
        # only built-in code has a directory there without this file
        answer = host.read(f"sys/module/{name}/initstate", 64)
        if isinstance(answer, bytes):
            state = _STATES.get(answer.decode("ascii", "replace").strip())
            if state:
                states[name] = state
        elif answer.missing:
            states[name] = ModuleState.BUILTIN
    if listed is None and all(state is ModuleState.BUILTIN for state in states.values()):
        return None
    return states


def parse_states(text: str) -> dict[str, ModuleState]:
    """/proc/modules: `esp4 24576 0 - Live 0x0000000000000000`, perhaps with taints after it."""
    states = {}
    for line in text.split("\n"):
        words = line.split()
        if len(words) >= 5 and words[4] in _STATES:
            states[canonical(words[0])] = _STATES[words[4]]
    return states
