# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verdict depends on, as files, so that `--root DIR` gives the same verdict elsewhere.

Only what the map can ask about, and nothing that could be a secret: no daemon's files, of the
kernel command line and of modprobe.d only the words and lines that count, no addresses, no module's
code (a stand-in of some hundred bytes that is as good or as broken). Each reader says so itself.
"""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.host import more
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.kernel import (
    cpu,
    kconfig,
    modprobe_d,
    module_index,
    module_state,
    proc_crypto,
    sysctl,
    xfrm_proc,
)
from modprobe_ipsec.host.machine import (
    container,
    installed,
    os_release,
    privileges,
    security,
    word_size,
)
from modprobe_ipsec.host.reads import Allowed, Read, mark
from modprobe_ipsec.host.root import Host

READERS = (
    cpu,
    kconfig,
    modprobe_d,
    module_index,
    module_state,
    proc_crypto,
    sysctl,
    xfrm_proc,
    container,
    installed,
    os_release,
    privileges,
    security,
    word_size,
)

# What speaks of the kernel that runs, and not of the one that is asked about.
_OF_THE_RUNNING = ("proc/", "sys/", "dev/", "run/")


def files(host: Host, facts: Facts, allowed: Allowed) -> Iterator[tuple[str, bytes]]:
    """Paths from the root, and what stands there."""
    if facts.running:
        yield "proc/sys/kernel/osrelease", f"{facts.release}\n".encode()
        yield "proc/sys/kernel/arch", f"{facts.arch}\n".encode()
    for reader in (*READERS, *more.readers()):
        for read in reader.READS:
            if read.keep and (facts.running or not read.path.startswith(_OF_THE_RUNNING)):
                yield from _copy(host, read, allowed)
        if hasattr(reader, "redacted"):
            yield from reader.redacted(host, facts, allowed)


def _copy(host: Host, read: Read, allowed: Allowed) -> Iterator[tuple[str, bytes]]:
    if read.keep is mark:
        if host.exists(read.path):
            directory = isinstance(host.list_dir(read.path), list)
            yield (f"{read.path}/here" if directory else read.path), b""
        return
    answer = host.read(read.path, read.limit, read.head)
    if read.keep and isinstance(answer, bytes):
        yield read.path, read.keep(answer.decode("utf-8", "replace"), allowed).encode()
