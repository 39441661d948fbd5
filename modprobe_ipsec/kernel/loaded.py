# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules come while something runs."""

import os

from modprobe_ipsec.host.root import Host
from modprobe_ipsec.kernel.module_events import ModuleEvents


def live() -> set[str]:
    """The modules of /proc/modules; none without that file (a kernel without modules)."""
    lines = (Host().text("proc/modules") or "").splitlines()
    return {line.split(maxsplit=1)[0] for line in lines if line.strip()}


def is_there(module: str) -> bool:
    """Whether a module is live, or part of this kernel."""
    builtin = Host().text(f"lib/modules/{os.uname().release}/modules.builtin") or ""
    return module in live() or f"/{module}.ko" in builtin


def come(events: ModuleEvents, before: set[str]) -> tuple[str, ...]:
    """Which modules have come since `before`, when the events began, and stayed; in order.

    Those that the kernel did not announce come last, sorted: it tells nothing in a container.
    """
    after = live()
    told = tuple(name for name in dict.fromkeys(events.added()) if name in after)
    return told + tuple(sorted(after - before - set(told)))
