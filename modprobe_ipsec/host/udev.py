# SPDX-License-Identifier: GPL-3.0-or-later
"""The one typed door to pyudev: tells which modules appear while something else is done."""

import sys
from types import ModuleType, TracebackType
from typing import Any, Self

from modprobe_ipsec.host.names import canonical


class ModuleEvents:
    """Collects the kernel's `add` events of modules, which need no udevd.

        with ModuleEvents() as events:
            ...
            names = events.added()

    Where libudev is missing or may not be used it collects nothing, and `why_not` says why: the
    caller goes on without. Losing an event is possible, so that these names only explain; what is
    loaded is said by /proc/modules.
    """

    __slots__ = ("_monitor", "why_not")

    def __init__(self) -> None:
        self._monitor: Any = None
        # Empty while events are collected.
        self.why_not = "not started"

    def __enter__(self) -> Self:
        try:
            pyudev = _import_pyudev()
            # The kernel's own events: udev's are silent where no udevd runs (containers).
            monitor = pyudev.Monitor.from_netlink(pyudev.Context(), source="kernel")
            monitor.filter_by("module")
            monitor.start()
        except (ImportError, OSError, ValueError) as error:
            self.why_not = f"no kernel events: {error}"
        else:
            self._monitor = monitor
            self.why_not = ""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # libudev closes the socket with the last reference
        self._monitor = None
        self.why_not = "ended"

    def added(self) -> tuple[str, ...]:
        """Canonical names of the modules that appeared since the last call; never waits."""
        names: list[str] = []
        try:
            while self._monitor is not None and (device := self._monitor.poll(timeout=0)):
                if device.action == "add":
                    names.append(canonical(device.sys_name))
        except OSError as error:
            self.why_not = f"events lost: {error}"
        return tuple(names)


def _import_pyudev() -> Any:
    """Import pyudev, and answer its question which library is libudev.

    The standard library would run ldconfig for it and, where libudev is missing, gcc and ld from
    PATH: nothing that root should do before it starts a daemon. It also costs 15 imports.
    """
    answer = ModuleType("ctypes.util")
    # The SONAME since systemd 183.
    answer.__dict__["find_library"] = {"udev": "libudev.so.1"}.get
    before = sys.modules.get(answer.__name__)
    sys.modules[answer.__name__] = answer
    try:
        import pyudev
    finally:
        sys.modules.pop(answer.__name__)
        if before:
            sys.modules[answer.__name__] = before
    return pyudev
