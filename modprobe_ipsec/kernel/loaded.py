# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules come while something runs."""

from contextlib import contextmanager

from modprobe_ipsec.base.annotations import Callable, Iterator
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.kernel.module_events import ModuleEvents


@contextmanager
def watching() -> Iterator[Callable[[], tuple[str, ...]]]:
    """Watch; the function, to be called once, says which modules have come and stayed, in order.

    Those that the kernel did not announce come last, sorted: it tells nothing in a container.
    """
    with ModuleEvents() as events:
        before = _live()

        def come() -> tuple[str, ...]:
            after = _live()
            told = tuple(name for name in dict.fromkeys(events.added()) if name in after)
            return told + tuple(sorted(after - before - set(told)))

        yield come


def _live() -> set[str]:
    """The modules of /proc/modules; none without that file (a kernel without modules)."""
    lines = (Host().text("proc/modules") or "").splitlines()
    return {line.split(maxsplit=1)[0] for line in lines if line.strip()}
