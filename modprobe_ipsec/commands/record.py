# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down what a verdict depends on, so that `--root DIR` gives the same verdict elsewhere.

Only what the map can ask about, and nothing that could be a secret: no daemon's files, of the
kernel command line and of modprobe.d only the words and lines that count, no addresses, no module's
code (a stand-in of some hundred bytes that is as good or as broken).
"""

import re
import zlib

from modprobe_ipsec.base.annotations import Callable, Iterable, Iterator
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.catalog.reach import Reach
from modprobe_ipsec.commands.store import only_plain, store
from modprobe_ipsec.host.facts import BINARY_INDEXES, Facts, ModuleIndex, ModuleState
from modprobe_ipsec.host.kernel import modprobe_d
from modprobe_ipsec.host.kernel.module_file import stand_in
from modprobe_ipsec.host.machine import container
from modprobe_ipsec.host.root import Host

# Copied as they are: one line or number each.
_AS_IS = (
    "proc/sys/kernel/modprobe",
    "proc/sys/kernel/modules_disabled",
    "proc/sys/kernel/version",
    "proc/sys/crypto/fips_enabled",
    "proc/net/xfrm_stat",
    "proc/sys/net/core/xfrm_acq_expires",
    "proc/sys/net/core/xfrm_aevent_etime",
    "proc/sys/net/core/xfrm_aevent_rseqth",
    "proc/sys/net/core/xfrm_larval_drop",
    "proc/self/attr/apparmor/current",
    "proc/self/attr/current",
    "proc/self/uid_map",
    "proc/sys/net/ipv4/ip_unprivileged_port_start",
    "sys/devices/system/cpu/modalias",
    "sys/fs/selinux/booleans/domain_kernel_load_modules",
    "sys/fs/selinux/enforce",
    "sys/kernel/security/lockdown",
    "sys/module/module/parameters/sig_enforce",
)
_SMALL = 1 << 16
# Only that they are there matters; what is below a directory stands for it.
_MARKS = {
    "proc/sys/net/ipv6": "proc/sys/net/ipv6/here",
    "proc/net/if_inet6": "proc/net/if_inet6",
    "proc/sys/net/ipv4": "proc/sys/net/ipv4/here",
    "proc/net/dev": "proc/net/dev",
}
_WORDS = re.compile(r"(?:(?:modprobe\.blacklist|module.blacklist|initcall.blacklist)=\S*|--)\Z")
_LINES = ("install", "blacklist", "alias", "softdep")
_OPTIONS = re.compile(
    r"CONFIG_(?:XFRM|INET|IPV6|CRYPTO|NET_|NETFILTER_XT|NFT|MODULE|MODVERSIONS|TUN|SECURITY_NETWORK_XFRM"
    r"|X86_64|ARM64|PPC64|S390|ARCH_RV64I)\w*="
)
_PROCESSOR = re.compile(r"(?:flags|Features|features)\s*:.*")


def record(directory: str, host: Host, facts: Facts, catalog: Catalog) -> tuple[str, ...]:
    """Write the record; returns the paths in it. Raises UsageError if the place is not new."""
    found = dict(sorted(_files(host, facts, catalog)))
    # an index, or the name of a program, may be made up to lead elsewhere
    files = only_plain(found)
    listed = [*files, "record.txt"]
    lines = [f"{path}\n" for path in listed]
    if others := len(found) - len(files):
        lines.append(f"# left out: {others} whose names lead elsewhere or cannot be shown\n")
    files["record.txt"] = "".join(lines).encode()
    store(directory, files)
    return tuple(listed)


def _files(host: Host, facts: Facts, catalog: Catalog) -> Iterator[tuple[str, bytes]]:
    around = facts.environment()
    known = Reach(catalog)
    if facts.running:
        yield "proc/sys/kernel/osrelease", f"{facts.release}\n".encode()
        yield "proc/sys/kernel/arch", f"{facts.arch}\n".encode()
        for path in _AS_IS:
            answer = host.read(path, _SMALL)
            if isinstance(answer, bytes):
                yield path, answer
        for path, stands_for in _MARKS.items():
            if host.exists(path):
                yield stands_for, b""
        yield from _edited(host, known)
        yield from container.redacted(host)
        if around.modprobe_there and facts.modprobe_path:
            yield facts.modprobe_path.strip("/"), b""
        if facts.modules is not None and host.exists("proc/modules") is False:
            for name, state in facts.modules.items():
                if state is ModuleState.LIVE:
                    yield f"sys/module/{name}/initstate", b"live\n"
    if around.distribution:
        os_id, *like = around.distribution
        yield "etc/os-release", f'ID={os_id}\nID_LIKE="{" ".join(like)}"\n'.encode()
    if around.libkmod:
        yield around.libkmod[1:], b""
    if facts.config:
        text = "".join(f"{line}\n" for line in facts.config.lines() if _OPTIONS.match(line))
        data = zlib.compress(text.encode(), wbits=31) if _is_gzip(facts.config.path) else None
        yield facts.config.path, text.encode() if data is None else data
    for path in modprobe_d.files(host, []):
        text = host.text(path, limit=1 << 20) or ""
        yield path, _only_rules(text).encode()
    for release in around.releases:
        if release != facts.release:
            yield f"lib/modules/{release}/modules.dep", b""
    if facts.tree:
        yield from _tree(host, facts, facts.tree, known)


def _edited(host: Host, known: Reach) -> Iterator[tuple[str, bytes]]:
    """Files of which a part is copied."""

    def copy(path: str, edit: Callable[[str], str]) -> Iterator[tuple[str, bytes]]:
        text = host.text(path)
        if text is not None:
            yield path, edit(text).encode()

    yield from copy("proc/cmdline", _only_words)
    yield from copy("proc/crypto", lambda text: _only_records(text, known))
    yield from copy("proc/modules", lambda text: re.sub(r"0x[0-9a-f]+", "0x0", text))
    processor = host.read("proc/cpuinfo", 8192, head=True)
    if isinstance(processor, bytes):
        found = _PROCESSOR.search(processor.decode("utf-8", "replace"))
        yield "proc/cpuinfo", f"{found[0]}\n".encode() if found else b""


def _only_records(text: str, known: Reach) -> str:
    """The records of /proc/crypto about something in the map."""
    kept = []
    for record in text.split("\n\n"):
        name = re.search(r"^name\s*: (.*)", record, re.MULTILINE)
        if name and known.algorithm(name[1]):
            kept.append(record.strip("\n"))
    return "".join(f"{record}\n\n" for record in kept)


def _only_words(text: str) -> str:
    return " ".join(word for word in text.split() if _WORDS.match(word)) + "\n"


def _only_rules(text: str) -> str:
    """Every line that says what is loaded, at its place; all others empty."""
    kept, joined = [], False
    for line in text.split("\n"):
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        keep = joined or word in _LINES
        kept.append(line if keep else "")
        joined = keep and line.endswith("\\")
    return "\n".join(kept)


def _tree(
    host: Host, facts: Facts, index: ModuleIndex, known: Reach
) -> Iterator[tuple[str, bytes]]:
    """The index and the files of the modules that the map can ask about."""
    missing = {gap.path for gap in facts.unreadable}
    aliases = {a: names for a, names in index.aliases.items() if known.alias(a)}
    named = {name for names in aliases.values() for name in names} | known.modules
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
        "modules.softdep": "",
        # an index that is not there, in a tree that is
        "modules.order": "",
    }
    for name, text in files.items():
        path = f"{host.tree}/{name}"
        if path not in missing:
            yield path, text.encode()
    for name in BINARY_INDEXES:
        path = f"{host.tree}/{name}"
        if f"/{path}" not in index.lacks:
            yield path, b""
    for name in modules:
        body = facts.module_files.get(name)
        data = stand_in(body) if body else None
        if body and data is not None:
            yield body.path[1:], data


def _dependencies(index: ModuleIndex, modules: Iterable[str]) -> Iterator[str]:
    for name in modules:
        file = index.files[name]
        paths = [index.files[dep].path if dep in index.files else dep for dep in file.deps]
        yield f"{file.path}:{''.join(f' {path}' for path in paths)}\n"


def _is_gzip(path: str) -> bool:
    return path.endswith(".gz")
