# SPDX-License-Identifier: GPL-3.0-or-later
"""What compiles with what: every pair of headers in both orders, and names that lack."""

from itertools import combinations

from modprobe_ipsec.base.annotations import Iterable
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.headers.compiler import Compiler

XFRM = "linux/xfrm.h"
# What an IKE daemon includes beside it.
HEADERS = (
    XFRM,
    *("netinet/in.h", "linux/in6.h", "netinet/udp.h", "linux/udp.h"),
    *("linux/ipsec.h", "linux/pfkeyv2.h"),
)
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

    # Those of HEADERS that do not compile alone, or are not there.
    alone: tuple[str, ...]
    # Of those that do.
    pairs: tuple[HeaderPair, ...]
    # Names that are asked for and that linux/xfrm.h has not.
    lacking: tuple[str, ...]
    # Whether a newer linux/xfrm.h, put over these headers, would compile.
    newer: bool


def survey(compiler: Compiler, names: Iterable[str]) -> Survey:
    """Ask for everything. Raises Error if the compiler cannot be run."""
    alone = tuple(name for name in HEADERS if not compiler.takes(_including(name)))
    pairs = tuple(
        HeaderPair(
            first,
            second,
            compiler.takes(_including(first, second)),
            compiler.takes(_including(second, first)),
        )
        for first, second in combinations(HEADERS, 2)
        if first not in alone and second not in alone
    )
    known = compiler.names(XFRM) if XFRM not in alone else frozenset()
    return Survey(
        alone=alone,
        pairs=pairs,
        lacking=tuple(name for name in names if name not in known),
        newer=compiler.takes(_COUNTED),
    )


def _including(*headers: str) -> str:
    return "".join(f"#include <{header}>\n" for header in headers)
