# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that come and go, and network cards, by the kernel's own events.

Not pyudev's: these need no udevd, and come before its rules are through.
Format: lib/kobject_uevent.c, as in kernel/module_events.py.
"""

import os

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.base.names import canonical
from modprobe_ipsec.watch.core import Core
from modprobe_ipsec.watch.signs import CardsChanged, Missed, ModuleCame, ModuleGone, Sign
from modprobe_ipsec.watch.witnesses._listener import Listener
from modprobe_ipsec.watch.witnesses._proc import text

ABOUT = "modules and network cards that come and go"
RANK = 0

_NETLINK_KOBJECT_UEVENT, _KERNEL = 15, 1
_ROOM = 1 << 20
# Processes that are looked at for the one that loads a module.
_MOST = 4096
# The kernel's own child, and all that it starts.
_KTHREADD = 2
_LONGEST = 64


class Modules:
    """The kernel's events."""

    __slots__ = ("_known", "_listener")

    def __init__(self) -> None:
        self._listener = Listener(_NETLINK_KOBJECT_UEVENT, (_KERNEL,), _ROOM)
        self._known = _loaded()

    def fileno(self) -> int:
        return self._listener.fileno()

    def close(self) -> None:
        self._listener.close()

    def see(self, now: float) -> Iterator[Sign]:
        for data in self._listener.heard():
            yield from self._event(data)
        if self._listener.overflowed:
            self._listener.overflowed = False
            yield Missed("the kernel's events of modules")
            loaded = _loaded()
            yield from (ModuleGone(name) for name in sorted(self._known - loaded))
            yield from (ModuleCame(name) for name in sorted(loaded - self._known))
            self._known = loaded
            yield CardsChanged()

    def _event(self, data: bytes) -> Iterator[Sign]:
        head, _, rest = data.partition(b"\0")
        action, _, path = head.partition(b"@")
        fields = rest.split(b"\0")
        if b"SUBSYSTEM=module" in fields:
            name = canonical(path.rpartition(b"/")[2].decode("utf-8", "replace"))[:_LONGEST]
            if action == b"add" and name not in self._known:
                self._known.add(name)
                yield ModuleCame(name, _how(name))
            elif action == b"remove" and name in self._known:
                self._known.discard(name)
                yield ModuleGone(name)
        elif b"SUBSYSTEM=net" in fields and not path.startswith(b"/devices/virtual/"):
            yield CardsChanged()


def _loaded() -> set[str]:
    rows = text("modules").split("\n")
    return {canonical(row.partition(" ")[0]) for row in rows if row}


def _how(module: str) -> str:
    """Whether the kernel has asked for it, as long as the program that loads it still runs."""
    try:
        with os.scandir("/proc") as entries:
            pids = [entry.name for entry in entries if entry.name.isdecimal()][-_MOST:]
    except OSError:
        return ""
    for pid in reversed(pids):
        words = text(f"{pid}/cmdline").split("\0")
        if not words[0].endswith("modprobe"):
            continue
        # source: kernel/module/kmod.c call_modprobe: modprobe -q -- ALIAS
        if words[1:3] == ["-q", "--"] and len(words) > 3:
            return f"by the kernel itself, for {words[3][:_LONGEST]}"
        return f"by modprobe {' '.join(words[1:-1])[:_LONGEST]}"
    return ""


def start(core: Core) -> Modules:
    return Modules()
