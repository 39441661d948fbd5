# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that lie flat in their directory without any index of depmod's, as on OpenWrt.

Its modprobe looks into every file for what depmod would have written down.
source: docs/facts/openwrt.md, "Modules without an index"
"""

from modprobe_ipsec.base.annotations import Iterable, Iterator, Mapping
from modprobe_ipsec.base.names import canonical
from modprobe_ipsec.host.root import Host

# OpenWrt's largest, mac80211.ko, has less; all of them are some hundred, and 30 MiB.
_LARGEST = 2 << 20
_MOST = 2048
_TOTAL = 64 << 20
# Characters of an alias, and of the names that a module depends on.
_ALIAS, _DEPENDS = 200, 4000
# Dependencies of all modules, direct and indirect; mac80211 has ten.
_MOST_DEPENDENCIES = 100_000
_MOST_DIRECT = 64


def read(host: Host) -> tuple[str, bytes]:
    """What depmod would write into modules.dep and modules.alias; both empty if nothing is flat."""
    names = host.list_dir(host.module_directory)
    files = [name for name in names if name.endswith(".ko")] if isinstance(names, list) else []
    depends: dict[str, list[str]] = {}
    aliases: list[bytes] = []
    total = _TOTAL
    for file in files[:_MOST]:
        name = canonical(file)
        data = host.read(f"{host.module_directory}/{file}", _LARGEST)
        data = data if isinstance(data, bytes) else b""
        total -= len(data)
        if total < 0:
            break
        needs = next(_entries(data, b"depends=", _DEPENDS), b"").decode("ascii", "replace")
        depends[name] = [canonical(word) for word in needs.split(",")[:_MOST_DIRECT] if word]
        found = _entries(data, b"alias=", _ALIAS)
        aliases += [b"alias %b %b\n" % (word, name.encode()) for word in found if word]
    return "".join(_lines(files[:_MOST], depends)), b"".join(aliases)


def _entries(data: bytes, key: bytes, most: int) -> Iterator[bytes]:
    """What stands after a key, up to a NUL, in the section .modinfo of a module."""
    at = data.find(key)
    while at >= 0:
        start = at + len(key)
        end = data.find(b"\0", start, start + most + 1)
        word = data[start : max(end, start)]
        # no part of another key, such as parm=depends=
        whole = at == 0 or not (data[at - 1 : at].isalnum() or data[at - 1] in b"_.")
        if end >= 0 and whole and word.isascii() and not any(map(_is_odd, word)):
            yield word
        at = data.find(key, end if end >= 0 else start)


def _is_odd(byte: int) -> bool:
    return not 0x21 <= byte <= 0x7E


def _lines(files: Iterable[str], depends: Mapping[str, list[str]]) -> Iterator[str]:
    left = _MOST_DEPENDENCIES
    for file in files:
        found = _all(canonical(file), depends, left)
        left -= len(found)
        yield f"{file}: {' '.join(found)}\n"


def _all(name: str, depends: Mapping[str, list[str]], most: int) -> list[str]:
    """Files of everything that has to be there before, the nearest first, as depmod orders them."""
    found: dict[str, None] = {}
    # grows while it is gone through; of each module what it depends on comes once
    todo = list(depends.get(name, ()))
    for word in todo:
        if word not in found and word != name and len(found) < most:
            found[word] = None
            todo += depends.get(word, ())
    return [f"{word}.ko" for word in found]
