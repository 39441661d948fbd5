# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names of linux/xfrm.h the running kernel knows, by questions that change nothing.

Most are an SA with a cipher that nobody has: ENOSYS, and nothing is loaded for it, since XFRM's own
table has no such name. A kernel that knows what else the SA has sees before that it does not fit.
Only names that came after 5.10.0 are asked for: each kernel that is supported has the others.
Sources: net/xfrm/xfrm_user.c, net/xfrm/xfrm_device.c of 5.10 to 7.3.
"""

# `socket` without its enumerations, which take longer to make than an answer takes
import _socket as socket
import errno
import struct

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.base.text import error_text
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import XfrmTable
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.kernel import child, namespace
from modprobe_ipsec.kernel.ask import no_namespace
from modprobe_ipsec.kernel.netlink import attribute
from modprobe_ipsec.kernel.sa import IPTFS
from modprobe_ipsec.kernel.xfrm import ATTRIBUTES, LIMITS, NEWSA, PLAIN, SA_DIR, USERSA_INFO, Xfrm

# Seconds that all answers may take.
_LIMIT = 20.0
_NEWPOLICY, _GETDEFAULT, _MIGRATE_STATE = 0x13, 0x28, 0x29
_OFFLOAD_DEV = 28
# xfrm_userpolicy_info: selector up to its family, the rest of it, limits, counters, priority,
# index, direction, action, flags, share
_POLICY_INFO = struct.Struct("40sH14s8Q32sIIBBBB4x")
_NOBODY_HAS = "modprobe-ipsec-asks"
_ONE = struct.pack("I", 1)
_OUT = b"\2"


class Known(Value):
    """What the running kernel said."""

    # By name, whether it knows it; names that cannot be asked for are not there.
    names: dict[str, bool]
    # Why it was not asked; empty if it was.
    why: str = ""


class _Question(Value):
    """A message, the names that came with what it is about, and which answers say yes."""

    names: tuple[str, ...]
    kind: int
    body: bytes
    yes: Callable[[int, str], bool]


def _sa(more: bytes = b"", mode: int = 0) -> bytes:
    """An SA that no kernel can make."""
    cipher = attribute(ATTRIBUTES[XfrmTable.CIPHER], PLAIN.pack(_NOBODY_HAS.encode(), 0))
    ends = (b"\xc0\0\2\2", b"\0\0\1\0", socket.IPPROTO_ESP, b"\xc0\0\2\1")
    head = USERSA_INFO.pack(b"", *ends, *LIMITS, b"", b"", 0, 0, socket.AF_INET, mode, 0, 0)
    return head + cipher + more


def _refused(number: int, text: str) -> bool:
    """Before the cipher is looked for."""
    return number in (errno.EINVAL, errno.ERANGE)


def _came_to_the_cipher(number: int, text: str) -> bool:
    return number == errno.ENOSYS


def _said_why(number: int, text: str) -> bool:
    """An unknown message is EINVAL without a text, one that is too short has a text."""
    return bool(text)


def _attribute(number: int, data: bytes, *names: str) -> _Question:
    return _Question(names, NEWSA, _sa(attribute(number, data)), _refused)


_OFFLOADED = _POLICY_INFO.pack(b"", socket.AF_INET, b"", *LIMITS, b"", 0, 0, 1, 0, 0, 0)
_QUESTIONS = (
    # without encapsulation
    _attribute(32, _ONE, "XFRMA_MTIMER_THRESH"),
    # neither in nor out
    _attribute(SA_DIR, b"\xff", "XFRMA_SA_DIR", "XFRM_SA_DIR_IN", "XFRM_SA_DIR_OUT"),
    # without a direction
    _attribute(35, _ONE, "XFRMA_SA_PCPU", "XFRM_POLICY_CPU_ACQUIRE"),
    # in transport mode
    _attribute(36, _ONE, "XFRMA_IPTFS_DROP_TIME"),
    _attribute(37, b"\1\0", "XFRMA_IPTFS_REORDER_WINDOW"),
    _attribute(38, b"", "XFRMA_IPTFS_DONT_FRAG"),
    _attribute(39, _ONE, "XFRMA_IPTFS_INIT_DELAY"),
    _attribute(40, _ONE, "XFRMA_IPTFS_MAX_QSIZE"),
    _attribute(41, _ONE, "XFRMA_IPTFS_PKT_SIZE"),
    # others refuse the mode
    _Question(
        ("XFRM_MODE_IPTFS",), NEWSA, _sa(attribute(SA_DIR, _OUT), IPTFS), _came_to_the_cipher
    ),
    # without the flag, which is what else a policy can have; others make the policy, here where it
    # is nobody's, and so do kernels without CONFIG_XFRM_OFFLOAD
    _Question(
        ("XFRM_OFFLOAD_PACKET",),
        _NEWPOLICY,
        _OFFLOADED + attribute(_OFFLOAD_DEV, struct.pack("iB3x", 0, 0)),
        _refused,
    ),
    _Question(("XFRM_MSG_GETDEFAULT", "XFRM_MSG_SETDEFAULT"), _GETDEFAULT, b"", _said_why),
    _Question(
        (
            "XFRM_MSG_MIGRATE_STATE",
            "XFRM_MIGRATE_STATE_CLEAR_OFFLOAD",
            "XFRM_MIGRATE_STATE_UPDATE_H2H_SEL",
            "XFRM_MIGRATE_STATE_KNOWN_FLAGS",
        ),
        _MIGRATE_STATE,
        b"",
        _said_why,
    ),
)


def ask(*, quietly: bool = True) -> Known:
    """Ask the running kernel, in a child with a network namespace of its own.

    `quietly`: leave out what SELinux, where it runs, writes a line about into the kernel's log.
    Opening the socket makes a kernel load xfrm_user that has not yet; whoever calls sees to that.
    Raises nothing on its own account.
    """
    heard: list[child.Message] = []
    messages = not (quietly and _is_selinux())
    ending = child.run(
        lambda send: _in_child(send, messages),
        heard.append,
        _LIMIT,
        whole=True,
        codec=child.in_marshal(),
    )
    match heard:
        case [{"names": names}]:
            return Known(names)
        case [{"why": why}]:
            return Known({}, why)
    return Known({}, f"the process that asks {ending.why}")


def _in_child(send: child.Send, messages: bool) -> None:
    try:
        namespace.enter()
    except OSError as error:
        send({"why": no_namespace(error)})
        return
    try:
        with Xfrm() as xfrm:
            number, text = _answer(xfrm, NEWSA, _sa())
            if number != errno.ENOSYS:
                said = text or error_text(number)
                send({"why": f"the kernel's answer to an unknown cipher is another one: {said}"})
                return
            send({"names": _ask_all(xfrm, messages)})
    except OSError as error:
        send({"why": f"no XFRM socket: {error_text(error.errno or 0)}"})


def _ask_all(xfrm: Xfrm, messages: bool) -> dict[str, bool]:
    """The answers, those on kinds of messages only if they are wanted."""
    found: dict[str, bool] = {}
    for question in _QUESTIONS:
        if question.yes is _said_why and not messages:
            continue
        yes = question.yes(*_answer(xfrm, question.kind, question.body))
        found |= dict.fromkeys(question.names, yes)
    # up to 6.18 it is looked at too late; its number lies between those of these two
    before, after = found["XFRMA_SA_DIR"], found["XFRMA_SA_PCPU"]
    if before == after:
        found["XFRMA_NAT_KEEPALIVE_INTERVAL"] = after
    return found


def _is_selinux() -> bool:
    """Whether SELinux runs: it logs each message of a kind that it does not know."""
    return "selinuxfs" in (Host().text("proc/filesystems") or "").split()


def _answer(xfrm: Xfrm, kind: int, body: bytes) -> tuple[int, str]:
    """The errno of an answer, 0 for success, and its text."""
    try:
        xfrm.ask(kind, body)
    except OSError as error:
        return error.errno or 0, error.strerror or ""
    return 0, ""
