# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of each module now: /proc/modules and /sys/module."""

from modprobe_ipsec.base.annotations import Iterator, Mapping
from modprobe_ipsec.base.names import canonical
from modprobe_ipsec.host.facts import Facts, ModuleState, Unreadable
from modprobe_ipsec.host.reads import Allowed, Read
from modprobe_ipsec.host.root import LIMIT, Host

# kernel/module/procfs.c:m_show and kernel/module/sysfs.c:show_initstate
_STATES = {
    "Live": ModuleState.LIVE,
    "Loading": ModuleState.COMING,
    "Unloading": ModuleState.GOING,
    "live": ModuleState.LIVE,
    "coming": ModuleState.COMING,
    "going": ModuleState.GOING,
}


def _no_addresses(text: str, allowed: Allowed) -> str:
    import re

    return re.sub(r"0x[0-9a-f]+", "0x0", text)


READS = (
    Read("proc/modules", _no_addresses, LIMIT),
    Read("sys/module"),
    Read("sys/module/*/initstate"),
)


def redacted(host: Host, facts: Facts, allowed: Allowed) -> Iterator[tuple[str, bytes]]:
    """What is live, where only /sys/module tells."""
    if facts.running and facts.modules is not None and host.exists("proc/modules") is False:
        for name, state in facts.modules.items():
            if state is ModuleState.LIVE:
                yield f"sys/module/{name}/initstate", b"live\n"


def read_states(
    host: Host, gaps: list[Unreadable], before: Mapping[str, ModuleState] | None = None
) -> dict[str, ModuleState] | None:
    """What /proc/modules and /sys/module say; None if the kernel keeps no list of modules.

    `before` is what they said earlier: what is built in is not asked again.
    """
    listed = host.text("proc/modules", gaps)
    states = parse_states(listed or "")
    names = host.list_dir("sys/module")
    if isinstance(names, Unreadable):
        gaps.append(names)
        return None if listed is None else states
    for name in names:
        if name in states:
            continue
        if before and before.get(name) is ModuleState.BUILTIN:
            states[name] = ModuleState.BUILTIN
            continue
        # only built-in code has a directory there without this file
        answer = host.read(f"sys/module/{name}/initstate", 64)
        if isinstance(answer, bytes):
            state = _STATES.get(answer.decode("ascii", "replace").strip())
            if state:
                states[name] = state
        elif answer.missing:
            states[name] = ModuleState.BUILTIN
    if listed is None and all(state is ModuleState.BUILTIN for state in states.values()):
        return None
    return states


def parse_states(text: str) -> dict[str, ModuleState]:
    """/proc/modules: `esp4 24576 0 - Live 0x0000000000000000`, perhaps with taints after it."""
    states = {}
    for line in text.split("\n"):
        words = line.split()
        if len(words) >= 5 and words[4] in _STATES:
            states[canonical(words[0])] = _STATES[words[4]]
    return states
