# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine's CPU can do, and which modules were made for it."""

from modprobe_ipsec.base.annotations import Iterable, Mapping
from modprobe_ipsec.base.names import glob
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.reads import Allowed, Read, whole
from modprobe_ipsec.host.root import Host

# More than the record of one processor; all of a large machine's would take milliseconds.
_ONE_PROCESSOR = 8192
_MODALIAS, _CPUINFO = "sys/devices/system/cpu/modalias", "proc/cpuinfo"
_FLAGS = ("flags", "Features", "features")


def _only_flags(text: str, allowed: Allowed) -> str:
    found = (line for line in text.split("\n") if line.partition(":")[0].strip() in _FLAGS)
    return "".join(f"{line}\n" for line in found if ":" in line)


READS = (Read(_MODALIAS, whole), Read(_CPUINFO, _only_flags, _ONE_PROCESSOR, head=True))


def fitting(modalias: str, patterns: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """The modules that were made for the CPU, of those with their `cpu:type:...` aliases.

    As udev and libkmod compare them.
    """
    fits = (name for name, words in patterns.items() if any(glob(modalias, w) for w in words))
    return frozenset(fits)


def read_modalias(host: Host, gaps: list[Unreadable]) -> str:
    """`cpu:type:x86,ven0002fam...:feature:,0000,...` (arch/x86/kernel/cpu/match.c), or empty."""
    return (host.text(_MODALIAS, gaps) or "").strip()


def read_flags(host: Host, gaps: list[Unreadable]) -> frozenset[str]:
    """The flags of the first processor in /proc/cpuinfo, or empty."""
    answer = host.read(_CPUINFO, _ONE_PROCESSOR, head=True)
    if isinstance(answer, Unreadable):
        gaps.append(answer)
        return frozenset()
    return flags(answer.decode("utf-8", "replace"))


def flags(cpuinfo: str) -> frozenset[str]:
    """The words of the first `flags` (x86) or `Features` (arm) line."""
    for line in cpuinfo.split("\n"):
        key, _, value = line.partition(":")
        if key.strip() in _FLAGS:
            return frozenset(value.split())
    return frozenset()
