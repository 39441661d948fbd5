# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the configuration a kernel was built with."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.host.facts import Facts, KernelConfig, Unreadable
from modprobe_ipsec.host.reads import Allowed, Read
from modprobe_ipsec.host.root import LIMIT, MODULES, Host

READS = (
    Read("proc/config.gz"),
    Read("boot/config-*"),
    *(Read(f"{place}/*/{name}") for place in MODULES for name in ("config", "build/.config")),
)
# The options that say what IPsec has and what may be loaded.
_OPTIONS = (
    r"XFRM|INET|IPV6|CRYPTO|NET_|NETFILTER_XT|NFT|MODULE|MODVERSIONS|TUN"
    r"|STATIC_USERMODEHELPER|SECURITY_NETWORK_XFRM"
)


def redacted(host: Host, facts: Facts, allowed: Allowed) -> Iterator[tuple[str, bytes]]:
    """Those of its options that matter here."""
    if facts.config:
        import re
        import zlib

        # and those that say what machine it is
        machine = "|".join(map(re.escape, sorted(allowed.machine_options)))
        wanted = re.compile(rf"CONFIG_(?:(?:{_OPTIONS})\w*|{machine})=")
        lines = (f"{line}\n" for line in facts.config.lines() if wanted.match(line))
        data, path = "".join(lines).encode(), facts.config.path
        yield path, zlib.compress(data, wbits=31) if path.endswith(".gz") else data


def read(host: Host, gaps: list[Unreadable]) -> KernelConfig | None:
    """The kernel's configuration: what the kernel says itself, else the distribution's file."""
    places = [
        f"boot/config-{host.release}",
        f"{host.module_directory}/config",
        f"{host.module_directory}/build/.config",
    ]
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


def static_helper(config: KernelConfig) -> str | None:
    """The program that the kernel runs in place of every other; None if it has no such."""
    if config.get("STATIC_USERMODEHELPER") != "y":
        return None
    path = config.get("STATIC_USERMODEHELPER_PATH")
    return path if path.startswith("/") else ""
