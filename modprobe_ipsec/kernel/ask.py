# SPDX-License-Identifier: GPL-3.0-or-later
"""The child's part of proving: enter a namespace, make one SA after the other, tell what came.

Says {"socket": errno}, {"need": number, "proof": what Proof.told gives}, and {"stop": why} where it
cannot go on.
"""

# `socket` without its enumerations, which take longer to make than an answer takes
import _socket as socket

from modprobe_ipsec.base.annotations import Callable, Sequence
from modprobe_ipsec.base.text import error_text
from modprobe_ipsec.base.value import once
from modprobe_ipsec.catalog.model import KernelInterface
from modprobe_ipsec.host.kernel.proc_crypto import parse
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.kernel import features, namespace
from modprobe_ipsec.kernel.child import Send
from modprobe_ipsec.kernel.driver import serving
from modprobe_ipsec.kernel.features import goes_by_pf_key
from modprobe_ipsec.kernel.pf_key import PfKey, numbers_of
from modprobe_ipsec.kernel.sa import Sa, sa_for
from modprobe_ipsec.kernel.xfrm import Xfrm
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed, Need
from modprobe_ipsec.needs.proof import Answer, Proof
from modprobe_ipsec.plan.meaning import NO_ANSWER, NO_PF_KEY, NO_SOCKET


def ask(
    needs: Sequence[AnyNeed],
    numbers: Sequence[int],
    send: Send,
    *,
    enter: Callable[[], None] | None = None,
    more: Callable[[Proof], Proof] = lambda proof: proof,
) -> None:
    """Ask for the needs with these numbers. Moves the calling process to another namespace.

    `enter` does so in its own way, `more` may find out more about a need that was asked for.
    """
    by_pf_key = [number for number in numbers if goes_by_pf_key(needs[number])]
    no_socket = ""
    if len(by_pf_key) < len(numbers):
        try:
            # Needs no permission and no namespace: even who cannot ask more learns this much.
            socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_XFRM).close()
            send({"socket": 0})
        except OSError as error:
            send({"socket": error.errno})
            numbers, no_socket = by_pf_key, f"{NO_SOCKET}: {error_text(error.errno or 0)}"
    if numbers:
        try:
            (enter or namespace.enter)()
        except OSError as error:
            send({"stop": no_namespace(error)})
            return
        # both are closed with this process
        xfrm, pf_key = once(Xfrm), once(PfKey)
        for number in numbers:
            proof = more(_proof(xfrm, pf_key, needs[number], number))
            send({"need": number, "proof": proof.told()})
    if no_socket:
        send({"stop": no_socket})


def no_namespace(error: OSError) -> str:
    """Why there can be none."""
    why = error_text(error.errno or 0)
    if namespace.is_filtered():
        why = f"a seccomp filter, as the container runtime sets it, forbids unshare: {why}"
    return f"cannot make a network namespace: {why}"


def _proof(
    xfrm: Callable[[], Xfrm], pf_key: Callable[[], PfKey], need: AnyNeed, number: int
) -> Proof:
    try:
        if isinstance(need, FeatureNeed):
            pf_key() if goes_by_pf_key(need) else features.ask(need, number)
            return Proof(need, Answer.ACCEPTED)
        sa = sa_for(need, number)
        if need.interface is KernelInterface.PF_KEY:
            return _answer_by_pf_key(pf_key(), need, sa)
        return _answer_by_xfrm(xfrm(), need, sa)
    except OSError as error:
        code = error.errno or 0
        why = NO_ANSWER.get(code, "")
        if error.strerror == NO_PF_KEY and namespace.is_filtered():
            why = "no PF_KEY socket: a seccomp filter may forbid it (RestrictAddressFamilies=)"
        answer = Answer.NOT_ASKED if why else Answer.REFUSED
        return Proof(need, answer, errno=code, message=error.strerror or "", why=why)


def _answer_by_xfrm(xfrm: Xfrm, need: Need, sa: Sa) -> Proof:
    xfrm.add(sa)
    try:
        made = xfrm.read(sa)
        if made != sa.without_keys():
            return _other(need, f"{made} instead of {sa}")
        # Templates are there only while something uses them.
        return _accepted(need)
    finally:
        xfrm.delete(sa)


def _answer_by_pf_key(pf_key: PfKey, need: Need, sa: Sa) -> Proof:
    numbers = numbers_of(need)
    made = pf_key.add(sa, numbers)
    try:
        if made != numbers:
            return _other(need, f"algorithms {made} instead of {numbers}")
        return _accepted(need)
    finally:
        pf_key.delete(sa)


def _other(need: Need, what: str) -> Proof:
    return Proof(need, Answer.REFUSED, why=f"the kernel made something else: {what}")


def _accepted(need: Need) -> Proof:
    name = need.suite.crypto_name
    # hundreds of records, of which one or two are wanted
    records = (Host().text("proc/crypto") or "").split("\n\n")
    found = serving(parse("\n\n".join(r for r in records if f": {name}\n" in r)), name)
    if not found:
        return Proof(need, Answer.ACCEPTED)
    return Proof(need, Answer.ACCEPTED, driver=found.driver, priority=found.priority)
