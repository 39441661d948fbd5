# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of a kernel as depmod indexed them.

The text indexes are read, not depmod's binary ones: they say the same and need no libkmod. libkmod
reads nothing but the binary ones.
"""

from itertools import islice

from modprobe_ipsec.base.annotations import Iterable, Iterator, Mapping
from modprobe_ipsec.base.names import canonical, module_of, underscores
from modprobe_ipsec.base.value import once
from modprobe_ipsec.host.facts import (
    BINARY_INDEXES,
    Facts,
    IndexedModule,
    ModuleIndex,
    Unreadable,
)
from modprobe_ipsec.host.kernel.module_file import stand_in
from modprobe_ipsec.host.reads import Allowed, Read
from modprobe_ipsec.host.root import MODULES, TREE_LIMIT, Host

READS = tuple(Read(f"{place}/*") for place in MODULES)

_CPU = "cpu:"
# Of `cpu:` aliases; a distribution has some hundred.
_MOST_PATTERNS, _LONGEST_PATTERN = 10_000, 1024
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

    def lies_in(self, name: str, start: str, part: str) -> bool:
        """Whether a module's path begins so and has this part, without taking its line apart."""
        path = self._lines.get(name, "").partition(":")[0]
        return path.startswith(start) and part in path

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


def _is_usual(pattern: str) -> bool:
    """Whether a pattern has nothing but stars, as those of CPUs have, which cost little."""
    return len(pattern) <= _LONGEST_PATTERN and not {"[", "?"} & set(pattern)


class _CpuPatterns(Mapping[str, Names]):
    """The `cpu:type:` aliases by module, looked for when first asked for."""

    __slots__ = ("_aliases", "_known")

    def __init__(self, aliases: ModuleAliases) -> None:
        self._aliases = aliases
        self._known: dict[str, Names] | None = None

    def _all(self) -> dict[str, Names]:
        if self._known is None:
            known: dict[str, list[str]] = {}
            patterns = islice(filter(_is_usual, self._aliases.of_kind(_CPU)), _MOST_PATTERNS)
            for pattern in patterns:
                for module in self._aliases[pattern]:
                    known.setdefault(module, []).append(pattern)
            self._known = {module: tuple(patterns) for module, patterns in known.items()}
        return self._known

    def __getitem__(self, name: str) -> Names:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


def read_index(host: Host, gaps: list[Unreadable]) -> ModuleIndex | None:
    """The module index of the host's kernel; None if there is no module directory."""
    if not host.exists(host.module_directory):
        gaps.append(Unreadable(host.module_directory, "no modules of this kernel", missing=True))
        return None

    def data(name: str) -> bytes | None:
        answer = host.read(f"{host.module_directory}/{name}", TREE_LIMIT)
        if isinstance(answer, Unreadable):
            gaps.append(answer)
            return None
        return answer

    def text(name: str) -> str:
        return (data(name) or b"").decode("utf-8", "replace")

    binary = [f"{host.module_directory}/{name}" for name in BINARY_INDEXES]
    modinfo = data("modules.builtin.modinfo")
    alias, paths = data("modules.alias") or b"", text("modules.dep")
    if not paths:
        from modprobe_ipsec.host.kernel import flat_index

        paths, flat_alias = flat_index.read(host)
        alias += flat_alias
        # who keeps modules so has a modprobe that needs no index
        binary = [] if paths else binary
    aliases, files = ModuleAliases(alias, modinfo or b""), ModuleFilePaths(paths)
    patterns = _CpuPatterns(aliases)
    return ModuleIndex(
        files=files,
        aliases=aliases,
        cpu_patterns=patterns,
        builtin=parse_builtin(text("modules.builtin"), (modinfo or b"").decode("utf-8", "replace")),
        softdeps=parse_softdeps(text("modules.softdep")),
        lacks=tuple(f"/{path}" for path in binary if host.exists(path) is False),
        cpu_alone=once(lambda: _cpu_alone(patterns, files, aliases)),
    )


def _cpu_alone(
    patterns: Iterable[str], files: ModuleFilePaths, aliases: ModuleAliases
) -> tuple[str, ...]:
    """Modules of kernel/arch/*/crypto that only a CPU's alias names, none of the crypto API."""
    found = [name for name in patterns if files.lies_in(name, "kernel/arch/", "/crypto/")]
    if not found:
        return ()
    named = {name for names in aliases.of_kind("crypto-").values() for name in names}
    return tuple(name for name in found if name not in named)


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


def redacted(host: Host, facts: Facts, allowed: Allowed) -> Iterator[tuple[str, bytes]]:
    """The index and the files of the modules that can be asked about, stand-ins for their code."""
    index = facts.module_index
    if index is None:
        return
    missing = {gap.path for gap in facts.unreadable}
    # of each kind that is looked into, all of the index is searched
    aliases = {a: index.aliases[a] for a in index.aliases if allowed.alias(a)}
    # whether there is an IPv6 is asked of no need, but of its module
    named = {name for names in aliases.values() for name in names} | allowed.modules | {"ipv6"}
    named.update(index.cpu_alone())
    modules = [name for name in index.files if name in named]
    # a tree may be broken, and list what it does not have
    deps = [dep for name in modules for dep in index.files[name].deps]
    modules += [dep for dep in deps if dep in index.files]
    modules = list(dict.fromkeys(modules))
    built: list[tuple[str, str]] = []
    loadable: list[tuple[str, str]] = []
    for alias, names in aliases.items():
        for name in names:
            (built if name in index.builtin else loadable).append((alias, name))
    for name, patterns in index.cpu_patterns.items():
        if name in named:
            loadable += [(pattern, name) for pattern in patterns]
    files = {
        "modules.dep": "".join(_dependencies(index, modules)),
        "modules.alias": "".join(f"alias {alias} {name}\n" for alias, name in loadable),
        "modules.builtin": "".join(f"kernel/{n}.ko\n" for n in sorted(index.builtin & named)),
        "modules.builtin.modinfo": "".join(f"{name}.alias={alias}\0" for alias, name in built),
        "modules.softdep": "".join(_softdeps(index, modules)),
        # an index that is not there, in a tree that is
        "modules.order": "",
    }
    for name, text in files.items():
        path = f"{host.module_directory}/{name}"
        if path not in missing:
            yield path, text.encode()
    for name in BINARY_INDEXES:
        path = f"{host.module_directory}/{name}"
        if f"/{path}" not in index.lacks:
            yield path, b""
    # without an index each file says itself what it answers
    flat = f"{host.module_directory}/modules.dep" in missing
    for name in modules:
        body = facts.module_files.get(name)
        says = _entries(name, aliases, index) if flat else b""
        data = stand_in(body, says) if body else None
        if body and data is not None:
            yield body.path[1:], data


def _softdeps(index: ModuleIndex, modules: Iterable[str]) -> Iterator[str]:
    for name in modules:
        if name in index.softdeps:
            pre, post = index.softdeps[name]
            yield f"softdep {name} pre: {' '.join(pre)} post: {' '.join(post)}\n"


def _dependencies(index: ModuleIndex, modules: Iterable[str]) -> Iterator[str]:
    for name in modules:
        file = index.files[name]
        paths = [index.files[dep].path if dep in index.files else dep for dep in file.deps]
        yield f"{file.path}:{''.join(f' {path}' for path in paths)}\n"


def _entries(name: str, aliases: Mapping[str, Names], index: ModuleIndex) -> bytes:
    """What a file's section .modinfo has of its aliases and dependencies."""
    said = [f"alias={alias}" for alias, names in aliases.items() if name in names]
    said += (f"alias={pattern}" for pattern in index.cpu_patterns.get(name, ()))
    said.append(f"depends={','.join(index.files[name].deps)}")
    return b"".join(b"\0" + entry.encode("ascii", "replace") for entry in said)
