# SPDX-License-Identifier: GPL-3.0-or-later
"""What else can tell of a packet that XFRM only counts: the audit log, and a packet filter's.

Layout: include/uapi/linux/audit.h, netfilter/nfnetlink.h, nf_tables.h, nfnetlink_log.h.
"""

import errno
import os
import select
import socket
import struct
from contextlib import contextmanager, suppress

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.kernel.loaded import is_there
from modprobe_ipsec.kernel.netlink import HEADER, NLM_F_ACK, NLMSG_ERROR, attribute, message
from modprobe_ipsec.lab.network import COMES, Network, move

_AUDIT, _NETFILTER = 9, 12
_AUDIT_GET, _AUDIT_READLOG = 1000, 1
# Of struct audit_status: mask, enabled
_STATUS = struct.Struct("2I")
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1

# NFNL_SUBSYS_NFTABLES, _ULOG and their messages
_BEGIN, _END = 16, 17
_NEWTABLE, _NEWCHAIN, _NEWRULE = 0xA00, 0xA03, 0xA06
_LOG_PACKET, _LOG_CONFIG = 0x400, 0x401
_CREATE = 0x400
# struct nfgenmsg: family, version, resource
_HEAD = struct.Struct(">BBH")
_FAMILIES = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_GROUP = 5
_PREROUTING_RAW = (0, -300)
_MODULES = ("nf_tables", "nft_log", "nfnetlink_log")


class Absent(Exception):
    """There is no such watcher here; the text says why."""


@contextmanager
def audit() -> Iterator[socket.socket]:
    """The audit log, which is the whole machine's. Raises Absent."""
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        # who started us is still where we come from
        there = os.open(f"/proc/{os.getppid()}/ns/net", os.O_RDONLY)
        try:
            move(there)
            log = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _AUDIT)
        finally:
            os.close(there)
            move(here)
    except OSError as error:
        raise Absent(_why(error)) from None
    finally:
        os.close(here)
    with log:
        try:
            log.bind((0, 0))
            log.send(message(_AUDIT_GET, 0, 1, b""))
            body = _answer(log)
            if not _STATUS.unpack_from(body)[1]:
                raise Absent("auditing is off")
            log.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _AUDIT_READLOG)
        except OSError as error:
            raise Absent(_why(error)) from None
        yield log


def _why(error: OSError) -> str:
    if error.errno == errno.EPROTONOSUPPORT:
        return "the kernel has none"
    return "only root of the whole machine may listen"


def _answer(made: socket.socket) -> bytes:
    """The body of the next message. Raises OSError for an error that it carries, or for none."""
    if not select.select([made], [], [], COMES)[0]:
        raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
    data = made.recv(1 << 16)
    _, kind, *_ = HEADER.unpack_from(data)
    body = data[HEADER.size :]
    if kind == NLMSG_ERROR and (number := struct.unpack_from("i", body)[0]):
        raise OSError(-number, os.strerror(-number))
    return body


@contextmanager
def packet_filter(network: Network, family: Family) -> Iterator[socket.socket]:
    """What a rule of b logs: ESP in whatever arrives. Raises Absent; what it made stays.

    Only where its modules are there: they have nothing to do with IPsec, and many holes.
    """
    missing = [name for name in _MODULES if not is_there(name)]
    if missing:
        raise Absent(f"the kernel would have to load {', '.join(missing)}")
    with network.at(network.b):
        try:
            rules = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
            log = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
        except OSError:
            raise Absent("the kernel has no netfilter") from None
    with rules, log:
        try:
            _bind(log)
            _make_rule(rules, _FAMILIES[family])
        except OSError as error:
            raise Absent(f"the kernel refuses the rule: {os.strerror(error.errno or 0)}") from None
        yield log


def _bind(log: socket.socket) -> None:
    head = _HEAD.pack(0, 0, _GROUP)
    # bind; tell of each packet at once
    for option in (attribute(1, b"\1"), attribute(5, struct.pack(">I", 1))):
        log.send(message(_LOG_CONFIG, NLM_F_ACK, 1, head + option))
        _answer(log)


def _make_rule(rules: socket.socket, family: int) -> None:
    name = b"lab\0"
    hook = attribute(1, struct.pack(">I", _PREROUTING_RAW[0]))
    hook += attribute(2, struct.pack(">i", _PREROUTING_RAW[1]))
    chain = attribute(1, name) + attribute(3, name) + attribute(4, hook) + attribute(7, b"filter\0")
    one, equal, protocol = (struct.pack(">I", number) for number in (1, 0, 16))
    expressions = b"".join(
        (
            # meta l4proto esp log group 5
            _expression(b"meta\0", attribute(1, one) + attribute(2, protocol)),
            _expression(
                b"cmp\0",
                attribute(1, one)
                + attribute(2, equal)
                + attribute(3, attribute(1, bytes((socket.IPPROTO_ESP,)))),
            ),
            _expression(b"log\0", attribute(1, struct.pack(">H", _GROUP))),
        )
    )
    rule = attribute(1, name) + attribute(2, name) + attribute(4, expressions)
    own = _HEAD.pack(family, 0, 0)
    batch = [(_BEGIN, 0, _HEAD.pack(0, 0, 10))]
    for kind, body in (
        (_NEWTABLE, attribute(1, name)),
        (_NEWCHAIN, chain),
        (_NEWRULE, rule),
    ):
        batch.append((kind, _CREATE | NLM_F_ACK, own + body))
    batch.append((_END, 0, _HEAD.pack(0, 0, 10)))
    rules.send(b"".join(message(kind, flags, 1, body) for kind, flags, body in batch))
    for _ in range(3):
        _answer(rules)


def _expression(name: bytes, data: bytes) -> bytes:
    return attribute(1, attribute(1, name) + attribute(2, data))


def told(made: socket.socket, text: bytes) -> bool:
    """Whether something comes that has this text in it."""
    found = b""
    with suppress(OSError):
        while text not in found:
            if not select.select([made], [], [], COMES)[0]:
                break
            found = made.recv(1 << 16)
    return text in found
