# SPDX-License-Identifier: GPL-3.0-or-later
"""What compiles with what: pairs of headers in both orders, and names that lack."""

from itertools import chain, combinations, product

from modprobe_ipsec.base.annotations import Iterable
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.headers.compiler import Compiler

XFRM = "linux/xfrm.h"
# What an IKE daemon includes.
HEADERS = (
    XFRM,
    *("netinet/in.h", "linux/in6.h", "netinet/udp.h", "linux/udp.h"),
    *("linux/ipsec.h", "linux/pfkeyv2.h"),
)
# What programs for networks include: of the kernel, and of the C library.
LINUX = (
    *(XFRM, "linux/ipsec.h", "linux/pfkeyv2.h", "linux/netlink.h", "linux/rtnetlink.h"),
    *("linux/if_link.h", "linux/if_tunnel.h", "linux/if_ether.h", "linux/if.h", "linux/socket.h"),
    *("linux/in.h", "linux/in6.h", "linux/ip.h", "linux/ipv6.h", "linux/udp.h", "linux/tcp.h"),
    *("linux/icmp.h", "linux/icmpv6.h"),
)
LIBC = (
    *("netinet/in.h", "netinet/udp.h", "netinet/tcp.h", "netinet/ip.h", "netinet/ip6.h"),
    *("netinet/ip_icmp.h", "netinet/icmp6.h", "netinet/if_ether.h", "net/if.h", "arpa/inet.h"),
    *("sys/socket.h", "netdb.h"),
)
# The pairs, by the word with which one asks for them.
PAIRS = {
    "xfrm": tuple(combinations(HEADERS, 2)),
    "all": tuple(product(LINUX, LIBC)),
}
# What the newest linux/xfrm.h takes from linux/stddef.h, which 5.10's and 6.1's have not.
_COUNTED = "#include <linux/stddef.h>\nstruct s { int n; int a[] __counted_by(n); };\n"


class HeaderPair(Value):
    """Two headers, and in which order they compile together."""

    first: str
    second: str
    # As named, and the other way round.
    forward: bool
    backward: bool

    @property
    def works(self) -> bool:
        """In some order."""
        return self.forward or self.backward

    @property
    def both(self) -> bool:
        """In whichever order."""
        return self.forward and self.backward


class Survey(Value):
    """What one compiler said of one tree of headers."""

    # Headers that do not compile alone, or are not there.
    alone: tuple[str, ...]
    # Of those that do.
    pairs: tuple[HeaderPair, ...]
    # Names that are asked for and that linux/xfrm.h has not.
    lacking: tuple[str, ...]
    # Whether a newer linux/xfrm.h, put over these headers, would compile.
    newer: bool


def survey(compiler: Compiler, names: Iterable[str], which: str = "xfrm") -> Survey:
    """Ask for everything; `which` pairs is a key of PAIRS.

    Raises Error if the compiler cannot be run.
    """
    asked = dict.fromkeys(chain((XFRM,), *PAIRS[which]))
    alone = tuple(name for name in asked if not compiler.takes(_including(name)))
    pairs = tuple(
        HeaderPair(
            first,
            second,
            compiler.takes(_including(first, second)),
            compiler.takes(_including(second, first)),
        )
        for first, second in PAIRS[which]
        if first not in alone and second not in alone
    )
    missing = tuple(names) if XFRM in alone else lacking(compiler, names)
    return Survey(alone, pairs, missing, newer(compiler))


def lacking(compiler: Compiler, names: Iterable[str]) -> tuple[str, ...]:
    """Those that linux/xfrm.h has not."""
    known = compiler.names(XFRM)
    return tuple(name for name in names if name not in known)


def newer(compiler: Compiler) -> bool:
    """Whether the newest linux/xfrm.h would compile in the place of this one."""
    return compiler.takes(_COUNTED)


def _including(*headers: str) -> str:
    return "".join(f"#include <{header}>\n" for header in headers)
