# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells of SAs: made, gone, expired, asked for; and how SAs fail, when some do.

Not the group AEVENTS: a listener makes the kernel count for it with every other packet. To be in
the group ACQUIRE makes the kernel ask, and hold back packets until net.core.xfrm_acq_expires, where
no daemon listens; without, it drops them at once.
"""

import time

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.kernel.netlink import Netlink
from modprobe_ipsec.kernel.xfrm import GETSA
from modprobe_ipsec.watch import messages
from modprobe_ipsec.watch.core import Core
from modprobe_ipsec.watch.signs import (
    Acquired,
    Flushed,
    Missed,
    SaFailures,
    SaMade,
    SaName,
    Sign,
)
from modprobe_ipsec.watch.witnesses._listener import Listener
from modprobe_ipsec.watch.witnesses._proc import number, process, text

ABOUT = "what the kernel tells of SAs"
RANK = 0

# `socket.NETLINK_XFRM` and XFRMNLGRP_*, include/uapi/linux/xfrm.h
_NETLINK_XFRM = 6
_ACQUIRE, _EXPIRE, _SA, _POLICY, _MAPPING = 1, 2, 3, 4, 8
_ROOM = 4 << 20
# Whether there is a protocol to listen to is looked for so often (seconds).
_AGAIN = 2.0
# SAs with failures that are remembered.
_MOST = 4096
# Between two dumps for them (seconds).
_DUMPS = 5.0
# How long the kernel may be silent while it lists them (seconds).
_PATIENCE = 5.0


class XfrmWitness:
    """The messages of NETLINK_XFRM."""

    __slots__ = ("_core", "_dumped", "_failures", "_listener", "_next")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._listener: Listener | None = None
        self._next = 0.0
        # Failures of each SA at the last dump.
        self._failures: dict[SaName, tuple[int, int, int]] = {}
        self._dumped = 0.0

    def fileno(self) -> int:
        return self._listener.fileno() if self._listener else -1

    def close(self) -> None:
        if self._listener:
            self._listener.close()

    def see(self, now: float) -> Iterator[Sign]:
        if not self._listener:
            if now < self._next:
                return
            self._next = now + _AGAIN
            if not _is_there():
                return
            # from now on messages wait, so that nothing is missed between list and listening
            self._listener = Listener(
                _NETLINK_XFRM, (_ACQUIRE, _EXPIRE, _SA, _POLICY, _MAPPING), _ROOM
            )
            yield from self._list()
        for data in self._listener.heard():
            for sign in messages.signs(data):
                yield _completed(sign)
        if self._listener.overflowed:
            self._listener.overflowed = False
            yield Missed("messages about SAs")
            self._core.sas.clear()
            yield from self._list()
        if self._core.sas_fail and now - self._dumped >= _DUMPS:
            self._core.sas_fail, self._dumped = False, now
            yield from self._compare()

    def _list(self) -> Iterator[Sign]:
        """All SAs that there are; their failures so far are not news."""
        for made in _dump():
            self._remember(made)
            yield made

    def _compare(self) -> Iterator[Sign]:
        for made in _dump():
            before = self._failures.get(made.sa, (0, 0, 0))
            if made.failures != before:
                self._remember(made)
                late, replayed, wrong = (
                    max(0, now - then) for now, then in zip(made.failures, before, strict=True)
                )
                yield SaFailures(made.sa, late, replayed, wrong)

    def _remember(self, made: SaMade) -> None:
        if any(made.failures) and (made.sa in self._failures or len(self._failures) < _MOST):
            self._failures[made.sa] = made.failures


def start(core: Core) -> XfrmWitness:
    return XfrmWitness(core)


def _is_there() -> bool:
    """Whether the kernel's own socket is there: to open another would load xfrm_user."""
    rows = (line.split() for line in text("net/netlink").split("\n"))
    return any(len(row) > 1 and row[1] == str(_NETLINK_XFRM) for row in rows)


def _completed(sign: Sign) -> Sign:
    if isinstance(sign, Flushed) and sign.by:
        return sign._replace(who=process(sign.by))
    if isinstance(sign, Acquired):
        return sign._replace(life=number("sys/net/core/xfrm_acq_expires", sign.life))
    return sign


def _dump() -> Iterator[SaMade]:
    """All SAs. What goes wrong ends it: the next one may do better."""
    wall = time.time()
    try:
        with Netlink(_NETLINK_XFRM) as netlink:
            for body in netlink.list(GETSA, b"", _PATIENCE):
                if made := messages.listed(body, wall):
                    yield made
    except OSError:
        return
