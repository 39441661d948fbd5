# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the configuration a kernel was built with."""

from modprobe_ipsec.host.facts import KernelConfig, Unreadable
from modprobe_ipsec.host.root import LIMIT, Host


def read(host: Host, gaps: list[Unreadable]) -> KernelConfig | None:
    """The kernel's configuration: what the kernel says itself, else the distribution's file."""
    places = [f"boot/config-{host.release}", f"{host.tree}/config", f"{host.tree}/build/.config"]
    if host.same_kernel:
        places.insert(0, "proc/config.gz")
    for path in places:
        answer = host.read(path)
        if isinstance(answer, bytes) and path.endswith(".gz"):
            answer = _gunzip(path, answer)
        if isinstance(answer, bytes):
            return KernelConfig(answer.decode("utf-8", "replace"), path)
        if not answer.missing:
            gaps.append(answer)
    gaps.append(Unreadable(places[-3], "no configuration file of this kernel", missing=True))
    return None


def _gunzip(path: str, data: bytes) -> bytes | Unreadable:
    import zlib

    try:
        # 16 + 15: with a gzip header
        stream = zlib.decompressobj(31)
        text = stream.decompress(data, LIMIT)
    except zlib.error:
        return Unreadable(path, "not gzip data")
    return Unreadable(path, f"larger than {LIMIT} bytes") if stream.unconsumed_tail else text
