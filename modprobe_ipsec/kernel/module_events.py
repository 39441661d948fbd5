# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells which modules appear while something else is done: the kernel's own events.

Not pyudev's: it needs libudev, and its import takes longer than all that is listened to.
Format: lib/kobject_uevent.c; `add@/module/esp4`, then `KEY=value`, each ending in NUL.
"""

# `socket` without its enumerations, which take longer to make than an answer takes
import _socket as socket

from modprobe_ipsec.base.annotations import Self, TracebackType
from modprobe_ipsec.base.names import canonical

_NETLINK_KOBJECT_UEVENT = 15
# The kernel's group; udev sends to another, and is silent where no udevd runs (containers).
_KERNEL = 1
# include/linux/kobject.h:UEVENT_BUFFER_SIZE, and the header
_LIMIT = 4096


class ModuleEvents:
    """Collects the kernel's `add` events of modules, which need no udevd.

        with ModuleEvents() as events:
            ...
            names = events.added()

    Where that may not be done it collects nothing, and `why_not` says why: the caller goes on
    without. Losing an event is possible, so that these names only explain; what is loaded is said
    by /proc/modules.
    """

    __slots__ = ("_socket", "why_not")

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        # Empty while events are collected.
        self.why_not = "not started"

    def __enter__(self) -> Self:
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
        try:
            self._socket = socket.socket(socket.AF_NETLINK, kind, _NETLINK_KOBJECT_UEVENT)
            self._socket.bind((0, _KERNEL))
        except OSError as error:
            self._close()
            self.why_not = f"no kernel events: {error}"
        else:
            self.why_not = ""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()
        self.why_not = "ended"

    def added(self) -> tuple[str, ...]:
        """Canonical names of the modules that appeared since the last call; never waits."""
        names: list[str] = []
        try:
            while self._socket:
                event, (sender, _) = self._socket.recvfrom(_LIMIT)
                # others than the kernel (0) may send, too
                if not sender and (name := added(event)):
                    names.append(name)
        except BlockingIOError:
            pass
        except OSError as error:
            self.why_not = f"events lost: {error}"
        return tuple(names)

    def _close(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket = None


def added(event: bytes) -> str:
    """The canonical name of the module whose appearance an event tells; empty for any other."""
    head, _, rest = event.partition(b"\0")
    action, _, path = head.partition(b"@")
    if action != b"add" or b"SUBSYSTEM=module" not in rest.split(b"\0"):
        return ""
    return canonical(path.rpartition(b"/")[2].decode("utf-8", "replace"))
