# SPDX-License-Identifier: GPL-3.0-or-later
"""Switches of the running kernel that decide whether modules can be loaded, and by whom."""

from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.reads import Read, mark, whole
from modprobe_ipsec.host.root import Host

_MODPROBE, _DISABLED = "proc/sys/kernel/modprobe", "proc/sys/kernel/modules_disabled"
_FIPS = "proc/sys/crypto/fips_enabled"
_IPV6 = ("proc/sys/net/ipv6", "proc/net/if_inet6")
_IPV4 = ("proc/sys/net/ipv4", "proc/net/dev")

READS = (
    *(Read(path, whole) for path in (_MODPROBE, _DISABLED, _FIPS)),
    *(Read(path, mark) for path in (*_IPV6, *_IPV4)),
)


def modprobe_path(host: Host, gaps: list[Unreadable]) -> str | None:
    """kernel.modprobe: the program that autoload runs, "" if autoload is off, None if unknown."""
    if not host.same_kernel:
        return None
    path = host.text(_MODPROBE, gaps)
    return None if path is None else path.removesuffix("\n")


def modules_disabled(host: Host, gaps: list[Unreadable]) -> bool | None:
    """kernel.modules_disabled: nothing may be loaded until the next boot; None if unknown."""
    if not host.same_kernel:
        return None
    disabled = host.text(_DISABLED, gaps)
    return None if disabled is None else disabled.strip() == "1"


def fips(host: Host, gaps: list[Unreadable]) -> bool:
    """crypto.fips_enabled; a kernel without CONFIG_CRYPTO_FIPS does not have it."""
    answer = host.read(_FIPS)
    if isinstance(answer, Unreadable):
        if not answer.missing:
            gaps.append(answer)
        return False
    return answer.strip() == b"1"


def ipv6(host: Host) -> bool:
    """Whether the kernel has an IPv6 stack now; with ipv6.disable=1 it has none.

    net.ipv6.conf.all.disable_ipv6 does not count: it only takes addresses away, and an SA can be
    added all the same. A tree without /proc/net is taken to have IPv6.
    """
    if any(map(host.exists, _IPV6)):
        return True
    return not any(map(host.exists, _IPV4))
