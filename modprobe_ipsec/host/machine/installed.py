# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed besides the daemons: libkmod, the kernel's modprobe, other kernels."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.host.facts import Facts, Unreadable
from modprobe_ipsec.host.reads import Allowed, Read, whole
from modprobe_ipsec.host.root import MODULES, Host

_LIBRARY = "libkmod.so.2"
_LIBRARY_PLACES = ("usr/lib64", "usr/lib", "lib64", "lib", "usr/local/lib")
_BUILD = "proc/sys/kernel/version"
_MODPROBE = "proc/sys/kernel/modprobe"
# In bytes; a real program is longer.
_PROGRAM_NAME = 16

READS = (
    Read(_BUILD, whole),
    Read(_MODPROBE),
    *(Read(path) for path in _LIBRARY_PLACES),
    *(Read(f"{place}/*/{_LIBRARY}") for place in _LIBRARY_PLACES),
    *(Read(place) for place in MODULES),
)


def redacted(host: Host, facts: Facts, allowed: Allowed) -> Iterator[tuple[str, bytes]]:
    """libkmod, and which other kernels there are; not a byte of any program."""
    known = facts.environment()
    if known.libkmod:
        yield known.libkmod[1:], b""
    program = facts.modprobe_path if facts.static_helper is None else facts.static_helper
    if known.modprobe_there and program:
        yield program.strip("/"), known.modprobe_of.encode()
    for release in known.releases:
        # of a kernel that does not run, nothing but this tells that it is the one that was meant
        if facts.running and release != facts.release:
            yield f"{MODULES[0]}/{release}/modules.dep", b""


def build(host: Host) -> str:
    """kernel.version, where distributions put the version of their package."""
    return (host.text(_BUILD) or "").strip()


def modprobe(host: Host, helper: str | None) -> str:
    """The program that the kernel runs to load modules, below the root; empty if none is known.

    `helper` is the one that was built into the kernel in its place, if one was.
    """
    path = (host.text(_MODPROBE) or "").strip() if helper is None else helper
    return path[1:] if path.startswith("/") else ""


def program_of(host: Host, path: str) -> str:
    """What a program is a link to, by its last component. A record has that name in its place."""
    if host.root == "/":
        return (host.link(path) or "").rpartition("/")[2]
    said = host.text(path, limit=_PROGRAM_NAME) or ""
    return said if said.isalnum() else ""


def libkmod(host: Host) -> str:
    """Where libkmod.so.2 lies; empty if nowhere."""
    for place in _LIBRARY_PLACES:
        names = host.list_dir(place)
        if isinstance(names, Unreadable):
            continue
        if _LIBRARY in names:
            return f"/{place}/{_LIBRARY}"
        # Debian's directories for each architecture
        for name in names:
            if name.count("-") >= 2 and host.exists(f"{place}/{name}/{_LIBRARY}"):
                return f"/{place}/{name}/{_LIBRARY}"
    return ""
