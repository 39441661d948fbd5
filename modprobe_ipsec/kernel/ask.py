# SPDX-License-Identifier: GPL-3.0-or-later
"""The child's part of proving: enter a namespace, make one SA after the other, tell what came.

Says ["socket", errno], ["proof", number, and the fields of Proof after the need], and
["stop", why] where it cannot go on.
"""

import socket

from modprobe_ipsec.base.annotations import Iterable, Sequence
from modprobe_ipsec.base.text import error_text
from modprobe_ipsec.host.kernel.proc_crypto import parse
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.kernel import features, namespace
from modprobe_ipsec.kernel.child import Send
from modprobe_ipsec.kernel.driver import serving
from modprobe_ipsec.kernel.sa import sa_for
from modprobe_ipsec.kernel.xfrm import Xfrm
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed
from modprobe_ipsec.needs.proof import Answer
from modprobe_ipsec.plan.meaning import NO_ANSWER, NO_SOCKET


def ask(needs: Sequence[AnyNeed], numbers: Iterable[int], send: Send) -> None:
    """Ask for the needs with these numbers. Moves the calling process to another namespace."""
    try:
        # Needs no permission and no namespace: even who cannot ask more learns this much.
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_XFRM).close()
    except OSError as error:
        send(["socket", error.errno])
        send(["stop", f"{NO_SOCKET}: {error_text(error.errno or 0)}"])
        return
    send(["socket", 0])
    try:
        namespace.enter()
    except OSError as error:
        why = error_text(error.errno or 0)
        if namespace.is_filtered():
            why = f"a seccomp filter, as the container runtime sets it, forbids unshare: {why}"
        send(["stop", f"cannot make a network namespace: {why}"])
        return
    with Xfrm() as xfrm:
        for number in numbers:
            send(["proof", number, *_answer(xfrm, needs[number], number)])


def _answer(xfrm: Xfrm, need: AnyNeed, number: int) -> tuple[object, ...]:
    """Return the fields of Proof after the need."""
    try:
        if isinstance(need, FeatureNeed):
            features.ask(need, number)
            return Answer.ACCEPTED, 0, "", "", None, ""
        sa = sa_for(need, number)
        xfrm.add(sa)
    except OSError as error:
        code = error.errno or 0
        why = NO_ANSWER.get(code, "")
        return (Answer.NOT_ASKED if why else Answer.REFUSED), code, error.strerror, "", None, why
    try:
        made = xfrm.read(sa)
        if made != sa.without_keys():
            why = f"the kernel made something else: {made} instead of {sa}"
            return Answer.REFUSED, 0, "", "", None, why
        # Templates are there only while something uses them.
        return Answer.ACCEPTED, 0, "", *_driver(need.suite.crypto_name), ""
    finally:
        xfrm.delete(sa)


def _driver(name: str) -> tuple[str, int | None]:
    # hundreds of records, of which one or two are wanted
    records = (Host().text("proc/crypto") or "").split("\n\n")
    found = serving(parse("\n\n".join(r for r in records if f": {name}\n" in r)), name)
    return (found.driver, found.priority) if found else ("", None)
