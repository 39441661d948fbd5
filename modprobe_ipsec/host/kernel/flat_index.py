# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that lie flat in their directory without any index of depmod's, as on OpenWrt.

Its modprobe looks into every file for what depmod would have written down.
source: docs/facts/openwrt.md, "Modules without an index"
"""

import re

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.names import canonical
from modprobe_ipsec.host.root import Host

# OpenWrt's largest, mac80211.ko, has less; all of them are some hundred.
_LARGEST = 2 << 20
_MOST = 2048
# Entries of the section .modinfo, each ended by NUL.
_ALIAS = re.compile(rb"(?<![A-Za-z0-9_.])alias=([!-~]{1,200})\0")
_DEPENDS = re.compile(rb"(?<![A-Za-z0-9_.])depends=([!-~]{0,4000})\0")


def read(host: Host) -> tuple[str, bytes]:
    """What depmod would write into modules.dep and modules.alias; both empty if nothing is flat."""
    names = host.list_dir(host.module_directory)
    files = [name for name in names if name.endswith(".ko")] if isinstance(names, list) else []
    depends: dict[str, list[str]] = {}
    aliases: list[bytes] = []
    for file in files[:_MOST]:
        name = canonical(file)
        data = host.read(f"{host.module_directory}/{file}", _LARGEST)
        data = data if isinstance(data, bytes) else b""
        needs = _DEPENDS.search(data)
        words = needs[1].decode("ascii").split(",") if needs else []
        depends[name] = [canonical(word) for word in words if word]
        aliases += [b"alias %b %b\n" % (word, name.encode()) for word in _ALIAS.findall(data)]
    lines = (f"{file}: {' '.join(_all(canonical(file), depends))}\n" for file in files[:_MOST])
    return "".join(lines), b"".join(aliases)


def _all(name: str, depends: Mapping[str, list[str]]) -> list[str]:
    """Files of everything that has to be there before, the nearest first, as depmod orders them."""
    found: dict[str, None] = {}
    todo = list(depends.get(name, ()))
    while todo:
        word = todo.pop(0)
        if word not in found and word != name:
            found[word] = None
            todo += depends.get(word, ())
    return [f"{word}.ko" for word in found]
