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

_CPU = "cpu:"
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


class ModuleFilePaths(Mapping[str, IndexedModule]):
    """modules.dep, a line `kernel/net/ipv4/esp4.ko: kernel/net/xfrm/xfrm_algo.ko` a module.

    Of its 4000 lines only those asked for are taken apart.
    """

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


class ModuleAliases(Mapping[str, Names]):
    """modules.alias and, after it, modules.builtin.modinfo (`NAME.alias=ALIAS` ended by NUL).

    Of their 26,000 aliases only the kinds that somebody asks for are taken apart, each when it is
    first asked for: `crypto-`, `xfrm-`, `net-`. To go through all of them takes far longer.
    """

    __slots__ = ("_alias", "_kinds", "_modinfo")

    def __init__(self, alias: bytes, modinfo: bytes) -> None:
        self._alias, self._modinfo = b"\n" + alias, b"\0" + modinfo
        self._kinds: dict[str, dict[str, Names]] = {}

    def of_kind(self, kind: str) -> Mapping[str, Names]:
        """The modules of each alias that begins so, loadable ones first, in the index's order."""
        if kind not in self._kinds:
            found: dict[str, dict[str, None]] = {}
            for word, name in (*self._loadable(kind), *self._builtin(kind)):
                found.setdefault(word, {})[canonical(name)] = None
            self._kinds[kind] = {word: tuple(names) for word, names in found.items()}
        return self._kinds[kind]

    def _loadable(self, kind: str) -> Iterator[tuple[str, str]]:
        """`alias WORD NAME`, a line each."""
        text, start = self._alias, b"\nalias " + kind.encode("utf-8", "replace")
        at = text.find(start)
        while at >= 0:
            end = text.find(b"\n", at + 1)
            fields = text[at + 7 : end if end >= 0 else None].decode("utf-8", "replace").split(" ")
            if len(fields) > 1 and fields[0] and fields[1]:
                yield fields[0], fields[1]
            at = text.find(start, end) if end >= 0 else -1

    def _builtin(self, kind: str) -> Iterator[tuple[str, str]]:
        text, start = self._modinfo, b".alias=" + kind.encode("utf-8", "replace")
        at = text.find(start)
        while at >= 0:
            end = text.find(b"\0", at)
            name = text[text.rfind(b"\0", 0, at) + 1 : at]
            word = text[at + 7 : end if end >= 0 else None]
            if name and b"." not in name:
                yield word.decode("utf-8", "replace"), name.decode("utf-8", "replace")
            at = text.find(start, end) if end >= 0 else -1

    def __getitem__(self, alias: str) -> Names:
        return self.of_kind(_kind(alias))[alias]

    def __iter__(self) -> Iterator[str]:
        return iter(self.of_kind(""))

    def __len__(self) -> int:
        return len(self.of_kind(""))


def _kind(alias: str) -> str:
    """How an alias begins: `crypto-` of crypto-gcm(aes), `ipt_` of ipt_policy."""
    for at, char in enumerate(alias):
        if char in "-_:":
            return alias[: at + 1]
    return alias


class _CpuPatterns(Mapping[str, Names]):
    """The `cpu:type:` aliases by module, looked for when first asked for."""

    __slots__ = ("_aliases", "_known")

    def __init__(self, aliases: ModuleAliases) -> None:
        self._aliases = aliases
        self._known: dict[str, Names] | None = None

    def _all(self) -> dict[str, Names]:
        if self._known is None:
            known: dict[str, Names] = {}
            for pattern, modules in self._aliases.of_kind(_CPU).items():
                for module in modules:
                    known[module] = (*known.get(module, ()), pattern)
            self._known = known
        return self._known

    def __getitem__(self, name: str) -> Names:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


def read_index(host: Host, gaps: list[Unreadable]) -> ModuleIndex | None:
    """The module index of the host's kernel; None if there is no module directory."""
    if not host.exists(host.tree):
        gaps.append(Unreadable(host.tree, "no modules of this kernel", missing=True))
        return None

    def data(name: str) -> bytes | None:
        answer = host.read(f"{host.tree}/{name}", TREE_LIMIT)
        if isinstance(answer, Unreadable):
            gaps.append(answer)
            return None
        return answer

    def text(name: str) -> str:
        return (data(name) or b"").decode("utf-8", "replace")

    binary = [f"{host.tree}/{name}" for name in BINARY_INDEXES]
    modinfo = data("modules.builtin.modinfo")
    aliases = ModuleAliases(data("modules.alias") or b"", modinfo or b"")
    return ModuleIndex(
        files=ModuleFilePaths(text("modules.dep")),
        aliases=aliases,
        cpu_patterns=_CpuPatterns(aliases),
        builtin=parse_builtin(text("modules.builtin"), (modinfo or b"").decode("utf-8", "replace")),
        knows_builtin_aliases=modinfo is not None,
        softdeps=parse_softdeps(text("modules.softdep")),
        lacks=tuple(f"/{path}" for path in binary if host.exists(path) is False),
    )


def parse_builtin(paths: str, modinfo: str) -> frozenset[str]:
    """Names in modules.builtin, and in modules.builtin.modinfo of what can only be built in."""
    entries = [entry for entry in modinfo.split("\0") if ".alias=" in entry]
    names = [canonical(entry.partition(".")[0]) for entry in entries]
    return frozenset((*names, *map(module_of, paths.split())))


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
