# SPDX-License-Identifier: GPL-3.0-or-later
"""Families of hostile input: each makes one of a size, and gives what reads it.

`make bench` prints how their processor time grows; test_growth.py looks at counted work and memory.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.reach import Reach
from modprobe_ipsec.daemons.strongswan import daemon as strongswan_daemon
from modprobe_ipsec.host.config_files import ConfigFiles
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.kernel import cpu, flat_index, modprobe_d, module_file, module_index
from modprobe_ipsec.host.machine import oci_state
from modprobe_ipsec.host.root import Host
from tests.daemons.libreswan import common as libreswan
from tests.daemons.strongswan import common as strongswan
from tests.shipped import CATALOG

Run = Callable[[], object]
CHILD = "connections { gw { %s\n children { net { %s } } } }\n"
ENDS = "\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauto=add\n"


def reading(read: Callable[[], object]) -> Run:
    """What is refused has been read, too."""

    def run() -> object:
        try:
            return read()
        except ConfigError:
            return None

    return run


def swanctl(text: str) -> Run:
    return reading(lambda: strongswan.read(text))


def ipsec_conf(text: str, version: tuple[int, ...] | None = (5, 4)) -> Run:
    return reading(lambda: libreswan.read({libreswan.CONF: text}, version=version))


def starter(text: str) -> Run:
    return reading(lambda: strongswan.read({strongswan.IPSEC: text}))


def addresses(place: Path, size: int) -> Run:
    return swanctl(CHILD % (f"local_addrs = {',' * size}", ""))


def quotes(place: Path, size: int) -> Run:
    return swanctl(CHILD % ("local_addrs = " + "' ," * size, ""))


def blanks(place: Path, size: int) -> Run:
    lines = "".join(f'{key} = "{" " * size}x"\n' for key in ("rekey_time", "rekey_bytes", "reqid"))
    return swanctl("".join(CHILD % ("", line + "\n") for line in lines.splitlines()))


def actions(place: Path, size: int) -> Run:
    return swanctl(CHILD % ("", f'dpd_action = "{"start | " * size}x"'))


def references(place: Path, size: int) -> Run:
    names = ", ".join(f"s{n}" for n in range(size))
    return swanctl(f"connections {{ gw : {names} {{ children {{ net {{ }} }} }} }}\n")


def plugins(place: Path, size: int) -> Run:
    names = " ".join(f"p{n} sql" for n in range(size))
    conf = {strongswan.STRONGSWAN: f"charon {{ load = {names}\n }}\n"}
    files = strongswan.Texts(conf)
    return reading(
        lambda: strongswan_daemon.read(strongswan.STRONGSWAN, files, options=strongswan.OPTIONS)
    )


def templates(place: Path, size: int) -> Run:
    conns = "".join(f"conn c{n}\n also=t\n" for n in range(size))
    return starter("conn t\n" + "".join(f" x{n}=1\n" for n in range(40)) + conns)


def wrong_proposals(place: Path, size: int) -> Run:
    conns = (f"conn c{n}\n{ENDS}\tesp=aes{n}sha\n" for n in range(size))
    return ipsec_conf("".join(conns))


def defaults(place: Path, size: int) -> Run:
    conns = "".join(f"conn c{n}\n{ENDS}" for n in range(size))
    return ipsec_conf("conn %default\n\tpfs=yes\n\tike=aes\n\tesp=aes\n" + conns)


def wrong_lines(place: Path, size: int) -> Run:
    """Of a release that nobody knows: what several releases say is compared."""
    lines = "\tpfs=yes\n\tpfs=no\n" * size
    quiet = "".join(f"conn q{n}\n" for n in range(size))
    return ipsec_conf(f"conn a\n{ENDS}{lines}{quiet}", None)


def chains(place: Path, size: int) -> Run:
    conns = (f"conn c{n}\n{ENDS}\talso=c{n % 50 + 1}\n" for n in range(size))
    return ipsec_conf("".join(conns))


def directory(place: Path, names: int) -> ConfigFiles:
    (place / "etc/d").mkdir(parents=True)
    for number in range(names):
        (place / f"etc/d/{'a' * 40}{number}").touch()
    return ConfigFiles(Host(str(place), "6.1"))


def brackets(place: Path, size: int) -> Run:
    files = directory(place, 20)
    return reading(lambda: files.glob(f"/etc/d/{'[' * size}", Budget()))


def names(place: Path, size: int) -> Run:
    files = directory(place, size)
    return reading(lambda: files.glob("/etc/d/*x*", Budget()))


def nothing_matches(place: Path, size: int) -> Run:
    """Includes that match nothing in a directory of many names."""
    files = directory(place, 200)
    budget = Budget()
    return reading(lambda: [files.glob(f"/etc/d/*.{n}", budget) for n in range(size)])


def links(place: Path, size: int) -> Run:
    """Many names of one large directory."""
    files = directory(place, 300)
    (place / "etc/links").mkdir()
    for number in range(size):
        (place / f"etc/links/{number}").symlink_to("/etc/d")
    return reading(lambda: files.glob("/etc/links/*/*.conf", Budget()))


def rules(place: Path, size: int) -> Run:
    """Patterns of modprobe.d, against the modules that somebody asks for."""
    text = "".join(f"install a?[b]{n} x\n" for n in range(size))
    (place / "etc/modprobe.d").mkdir(parents=True)
    (place / "etc/modprobe.d/x.conf").write_text(text)
    host = Host(str(place), "6.1")
    asked = [f"module{n}" for n in range(20)]
    return lambda: modprobe_d.about(asked, modprobe_d.read(host, []), None)


def redirections(place: Path, size: int) -> Run:
    (rule,) = modprobe_d.parse(f"install esp4 {'<' * size}{' ' * size};\n", "x")
    return lambda: modprobe_d.blocks(rule)


def blocks(place: Path, size: int) -> Run:
    data = b"\x28\xb5\x2f\xfd\x20\x03" + b"\0\0\0" * size
    return lambda: module_file.look("/x.ko.zst", data)


class Modules:
    """A module directory in memory."""

    root, release, module_directory = "/", "6.1", "lib/modules/6.1"

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = {f"{self.module_directory}/{name}": data for name, data in files.items()}

    def exists(self, path: str) -> bool:
        return path == self.module_directory or path in self.files

    def read(self, path: str, limit: int = 0) -> bytes | Unreadable:
        return self.files.get(path) or Unreadable(path, "no such file", missing=True)

    def list_dir(self, path: str) -> list[str]:
        return sorted(name.rpartition("/")[2] for name in self.files)


def modules(files: Mapping[str, bytes]) -> Any:
    return Modules(files)


def cpu_patterns(place: Path, size: int) -> Run:
    text = "".join(f"alias cpu:type:x86*feature:*{n}* esp4\n" for n in range(size))
    host = modules({"modules.dep": b"esp4.ko:\n", "modules.alias": text.encode()})

    def run() -> object:
        index = module_index.read_index(host, [])
        assert index
        return cpu.fitting("cpu:type:x86,ven0000:feature:,0000,0001", index.cpu_patterns)

    return run


def kinds(place: Path, size: int) -> Run:
    """Aliases of many kinds, each of which is looked for in all of the index."""
    text = "".join(f"alias k{n}-x esp4\n" for n in range(size))
    host = modules({"modules.dep": b"esp4.ko:\n", "modules.alias": text.encode()})
    reach = Reach(CATALOG)

    def run() -> object:
        index = module_index.read_index(host, [])
        assert index
        facts: Any = type(
            "Facts", (), {"module_index": index, "unreadable": (), "module_files": {}}
        )
        return list(module_index.redacted(host, facts, reach))

    return run


def depends(place: Path, size: int) -> Run:
    """Flat modules, each of which depends on many."""
    words = ",".join(f"m{n}" for n in range(60)).encode()
    files = {f"m{n}.ko": b"\0depends=" + words + b"\0alias=" * 20 + b"\0" for n in range(size)}
    host = modules(files)
    return lambda: flat_index.read(host)


def keys(place: Path, size: int) -> Run:
    host = modules({"x.ko": b"depends=alias=" * size})
    return lambda: flat_index.read(host)


def annotations(place: Path, size: int) -> Run:
    inside = ",".join(f'"a{n}": "b"' for n in range(size))
    text = '{"id": "a", "bundle": "/b", "status": "creating", "annotations": {%s}}'
    data = (text % inside).encode()
    return reading(lambda: oci_state.parse_state(data))


# With the first of three sizes, each twice the one before.
FAMILIES: Mapping[str, tuple[Callable[[Path, int], Run], int]] = {
    "commas in addresses": (addresses, 4000),
    "quotes in addresses": (quotes, 2000),
    "blanks in times and bytes": (blanks, 4000),
    "actions": (actions, 1000),
    "references of a section": (references, 2000),
    "load= lists": (plugins, 2000),
    "a template of starter's": (templates, 300),
    "wrong proposals": (wrong_proposals, 150),
    "connections with defaults": (defaults, 300),
    "lines that releases differ about": (wrong_lines, 200),
    "also= chains": (chains, 300),
    "brackets of an include": (brackets, 400),
    "names in a directory": (names, 500),
    "includes that match nothing": (nothing_matches, 40),
    "links to one directory": (links, 30),
    "patterns in modprobe.d": (rules, 400),
    "redirections of an install line": (redirections, 1000),
    "empty blocks of zstd": (blocks, 500),
    "patterns of CPUs": (cpu_patterns, 500),
    "kinds of aliases": (kinds, 500),
    "dependencies of flat modules": (depends, 100),
    "keys of flat modules": (keys, 2000),
    "annotations": (annotations, 1000),
}
