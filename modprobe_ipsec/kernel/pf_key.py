# SPDX-License-Identifier: GPL-3.0-or-later
"""PF_KEY messages: an SA as a daemon asks for it that has no other way to the kernel.

Layout: RFC 2367, include/uapi/linux/pfkeyv2.h. Lengths of messages and of what they are made of are
in words of 64 bits, those of keys in bits. Never SADB_REGISTER: for it the kernel loads all it has.
"""

# `socket` without its enumerations, which take longer to make than an answer takes
import _socket as socket
import errno
import os
import struct

from modprobe_ipsec.base.annotations import Self, TracebackType
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Protocol, XfrmTable
from modprobe_ipsec.kernel.sa import MODES, Sa
from modprobe_ipsec.kernel.xfrm import ADDRESSES, FAMILIES
from modprobe_ipsec.needs.need import Mode, Need
from modprobe_ipsec.plan.meaning import NO_PF_KEY

# Python has no name for these.
AF_KEY, PF_KEY_V2 = 15, 2
ADD, DELETE = 3, 4
_SATYPES = {Protocol.AH: 2, Protocol.ESP: 3, Protocol.COMP: 9}
_SA, _SOURCE, _DESTINATION, _AUTH_KEY, _CIPHER_KEY, _SA2 = 1, 5, 6, 8, 9, 19
_KEYS = {XfrmTable.AUTH: _AUTH_KEY, XfrmTable.CIPHER: _CIPHER_KEY}
# IPSEC_MODE_*, include/uapi/linux/ipsec.h
_MODES = {MODES[Mode.TRANSPORT]: 1, MODES[Mode.TUNNEL]: 2, MODES[Mode.BEET]: 3}
_MATURE, _REPLAY_WINDOW = 1, 32

# sadb_msg: version, type, errno, SA type, length, reserved, sequence number, process
_HEADER = struct.Struct("BBBBHHII")
# sadb_sa: SPI, replay window, state, integrity, encryption, flags
_SA_BODY = struct.Struct("4sBBBBI")
_LIMIT = 1 << 16


class Numbers(Value):
    """An SA's algorithms by the numbers of net/xfrm/xfrm_algo.c; 0: none."""

    integrity: int
    # Or compression.
    encryption: int


def numbers_of(need: Need) -> Numbers:
    """The numbers for the algorithms of a need."""
    suite = need.suite
    return Numbers(*(c.transform.sadb if c else 0 for c in (suite.integrity, suite.encryption)))


def pack(sa: Sa, numbers: Numbers) -> bytes:
    """What follows the header of SADB_ADD."""
    body = _SA_BODY.pack(
        sa.spi.to_bytes(4, "big"),
        0 if sa.protocol is Protocol.COMP else _REPLAY_WINDOW,
        _MATURE,
        *numbers,
        0,
    )
    parts = [_extension(_SA, body), *_addresses(sa)]
    parts += [
        _extension(_KEYS[a.kind], struct.pack("HH", a.key_bits, 0) + a.key)
        for a in sa.algorithms
        if a.key_bits
    ]
    return b"".join((*parts, _extension(_SA2, struct.pack("BBHII", _MODES[sa.mode], 0, 0, 0, 0))))


def identify(sa: Sa) -> bytes:
    """What follows the header of SADB_DELETE."""
    body = _SA_BODY.pack(sa.spi.to_bytes(4, "big"), 0, 0, 0, 0, 0)
    return b"".join((_extension(_SA, body), *_addresses(sa)))


def _addresses(sa: Sa) -> list[bytes]:
    """Source and destination, each as sadb_address and the sockaddr behind it."""
    family = FAMILIES[sa.family]
    found = []
    for kind, text in zip((_SOURCE, _DESTINATION), ADDRESSES[sa.family], strict=True):
        address = socket.inet_pton(family, text)
        # sockaddr_in and sockaddr_in6: no port, no flow, no scope
        before, after = (2, 8) if family == socket.AF_INET else (6, 4)
        name = struct.pack("H", family) + bytes(before) + address + bytes(after)
        found.append(_extension(kind, struct.pack("BBH", 0, len(address) * 8, 0) + name))
    return found


def _extension(kind: int, body: bytes) -> bytes:
    body += bytes(-(len(body) + 4) % 8)
    return struct.pack("HH", (len(body) + 4) // 8, kind) + body


class PfKey:
    """A PF_KEY socket in the network namespace of the thread that makes it. Raises OSError.

    Opening one tells nothing and nobody; what is said through it, the kernel tells all others in
    the same namespace.
    """

    __slots__ = ("_sequence", "_socket")

    def __init__(self) -> None:
        self._sequence = 0
        try:
            self._socket = socket.socket(AF_KEY, socket.SOCK_RAW, PF_KEY_V2)
        except OSError as error:
            if error.errno == errno.EAFNOSUPPORT:
                raise OSError(error.errno, NO_PF_KEY) from None
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    def add(self, sa: Sa, numbers: Numbers) -> Numbers:
        """Have the kernel make an SA; the algorithms of what it made."""
        return Numbers(*self._ask(ADD, sa, pack(sa, numbers)))

    def delete(self, sa: Sa) -> None:
        """Have the kernel remove an SA."""
        self._ask(DELETE, sa, identify(sa))

    def _ask(self, kind: int, sa: Sa, body: bytes) -> tuple[int, int]:
        """Send a request; the numbers in the answer's sadb_sa, which comes first."""
        self._sequence += 1
        words = (_HEADER.size + len(body)) // 8
        satype, me = _SATYPES[sa.protocol], os.getpid()
        head = _HEADER.pack(PF_KEY_V2, kind, 0, satype, words, 0, self._sequence, me)
        self._socket.send(head + body)
        while True:
            # everybody in the namespace hears everything, so that others' messages are there, too
            answer = self._socket.recv(_LIMIT)
            _, told, code, _, _, _, sequence, process = _HEADER.unpack_from(answer)
            if (told, sequence, process) != (kind, self._sequence, me):
                continue
            if code:
                # PF_KEY has no words
                raise OSError(code, "")
            _, _, _, integrity, encryption, _ = _SA_BODY.unpack_from(answer, _HEADER.size + 4)
            return integrity, encryption
