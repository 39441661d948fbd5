# SPDX-License-Identifier: GPL-3.0-or-later
"""One answer of the glossary: a term, the chapter that it stands in, and how it stands here."""

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.glossary import Live, Term
from modprobe_ipsec.diagnose.requests import NeedRequests


class Entry(Value):
    """One term as a chapter explains it."""

    term: Term
    # The kind of value that it has on a host, by its name there.
    value: Live = Live.NONE
    # What the kernel asks for where somebody wants it: how that stands on a host is worth saying.
    requests: tuple[NeedRequests, ...] = ()
    # A kernel option, without CONFIG_; empty if it is none.
    option: str = ""
    # A word of the crypto API: its drivers are in /proc/crypto.
    algorithm: str = ""


class Lead(Value):
    """All names of a term, and what makes its entry once somebody asks."""

    names: tuple[str, ...]
    entry: Callable[[], Entry]


class Here(Value):
    """How a term stands on one host."""

    # `= 1 here`, `hidden, because ...`, `esp4 is blocked by FILE:LINE: ...`
    text: str
    remedy: str = ""
    # The value alone; empty if there is none.
    value: str = ""
