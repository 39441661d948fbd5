# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets and audit records -> strays, and the filter that lets only such packets through. Pure.

source: RFC 4302, 4303, 3948; net/xfrm/xfrm_state.c xfrm_audit_helper_pktinfo
"""

import struct
from binascii import unhexlify

from modprobe_ipsec.base.annotations import Collection
from modprobe_ipsec.watch.signs import AH, ESP, Stray

UDP = 17
# Where IKE daemons have the kernel unpack ESP from UDP (RFC 3948).
NAT_T = 4500
# The most that is read of a packet: all headers that are looked at.
SNAP = 128
# SPIs in a filter. A BPF program has 4096 instructions, and older kernels give a socket 20 KiB for
# it (net.core.optmem_max): two instructions of 8 bytes for each.
MOST_SPIS = 1000

_NON_ESP_MARKER = 0
_FRAGMENT = 0x1FFF

# include/uapi/linux/filter.h, bpf_common.h
_LD_W, _LD_H, _LD_B = 0x20, 0x28, 0x30
_LD_W_X, _LD_H_X = 0x40, 0x48
_LDX_MSH, _AND, _JEQ, _JSET, _JA, _RET = 0xB1, 0x54, 0x15, 0x45, 0x05, 0x06
# SKF_AD_OFF + SKF_AD_PKTTYPE; if_packet.h: PACKET_HOST
_PACKET_TYPE, _HOST = 0xFFFFF004, 0
_INSTRUCTION = struct.Struct("HBBI")


def parse(data: bytes) -> Stray | None:
    """The ESP or AH packet that begins here, with its IP header; None if it is none."""
    if len(data) < 20:
        return None
    version = data[0] >> 4
    if version == 4:
        at, protocol = (data[0] & 15) * 4, data[9]
        source, destination = data[12:16], data[16:20]
        if at < 20 or int.from_bytes(data[6:8], "big") & _FRAGMENT:
            return None
    elif version == 6 and len(data) >= 40:
        at, protocol = 40, data[6]
        source, destination = data[8:24], data[24:40]
    else:
        return None
    return behind(data[at:], protocol, source, destination)


def behind(data: bytes, protocol: int, source: bytes, destination: bytes) -> Stray | None:
    """The same for what stands behind an IP header."""
    port = 0
    if protocol == UDP:
        if len(data) < 16 or int.from_bytes(data[2:4], "big") != NAT_T:
            return None
        port, protocol, data = int.from_bytes(data[:2], "big"), ESP, data[8:]
        if int.from_bytes(data[:4], "big") == _NON_ESP_MARKER:
            return None
    at = 4 if protocol == AH else 0
    if protocol not in (ESP, AH) or len(data) < at + 8:
        return None
    return Stray(source, destination, int.from_bytes(data[at : at + 4], "big"), protocol, port)


def parse_audit(text: bytes) -> Stray | None:
    """`op=SA-notfound src=192.0.2.1 dst=192.0.2.2 spi=7(0x7) seqno=1`; None for any other."""
    fields = dict(part.partition(b"=")[::2] for part in text.split() if b"=" in part)
    if fields.get(b"op") != b"SA-notfound":
        return None
    source, destination = _address(fields.get(b"src", b"")), _address(fields.get(b"dst", b""))
    spi = fields.get(b"spi", b"").partition(b"(")[0]
    if not source or not destination or not spi.isdigit() or len(spi) > 10:
        return None
    return Stray(source, destination, int(spi) & 0xFFFFFFFF, 0)


def _address(text: bytes) -> bytes:
    """As the kernel prints it: %pI4, and %pI6 in full."""
    parts = text.split(b".")
    if len(parts) == 4 and all(part.isdigit() and len(part) < 4 for part in parts):
        numbers = [int(part) for part in parts]
        return bytes(numbers) if max(numbers) < 256 else b""
    groups = text.split(b":")
    if len(groups) == 8 and all(len(group) == 4 for group in groups):
        try:
            return unhexlify(b"".join(groups))
        except ValueError:
            return b""
    return b""


class _Program:
    """Instructions with labels to jump to."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, str, str, int]] = []
        self._labels: dict[str, int] = {}

    def add(self, code: int, value: int, yes: str = "", no: str = "") -> None:
        self._lines.append((code, yes, no, value))

    def label(self, name: str) -> None:
        self._labels[name] = len(self._lines)

    def pack(self) -> bytes:
        packed = []
        for number, (code, yes, no, value) in enumerate(self._lines):
            jumps = [self._labels[name] - number - 1 if name else 0 for name in (yes, no)]
            if code == _JA:
                jumps, value = [0, 0], jumps[0]
            packed.append(_INSTRUCTION.pack(code, *jumps, value))
        return b"".join(packed)


def socket_filter(known: Collection[int]) -> bytes:
    """For a packet socket without link headers: ESP, AH and ESP in UDP to us, and no known SPI."""
    program = _Program()
    program.add(_LD_W, _PACKET_TYPE)
    program.add(_JEQ, _HOST, "", "drop")
    program.add(_LD_B, 0)
    program.add(_AND, 0xF0)
    program.add(_JEQ, 0x40, "", "six?")
    program.add(_LD_H, 6)
    program.add(_JSET, _FRAGMENT, "drop", "")
    program.add(_LD_B, 9)
    program.add(_LDX_MSH, 0)
    program.add(_JEQ, ESP, "esp", "")
    program.add(_JEQ, AH, "ah", "")
    program.add(_JEQ, UDP, "", "drop")
    program.add(_LD_H_X, 2)
    program.add(_JEQ, NAT_T, "", "drop")
    program.add(_LD_W_X, 8)
    program.add(_JEQ, _NON_ESP_MARKER, "drop", "spi")
    program.label("drop")
    program.add(_RET, 0)
    program.label("esp")
    program.add(_LD_W_X, 0)
    program.add(_JA, 0, "spi")
    program.label("ah")
    program.add(_LD_W_X, 4)
    program.add(_JA, 0, "spi")
    program.label("six?")
    program.add(_JEQ, 0x60, "", "drop six")
    program.add(_LD_B, 6)
    program.add(_JEQ, ESP, "esp6", "")
    program.add(_JEQ, AH, "ah6", "")
    program.add(_JEQ, UDP, "", "drop six")
    program.add(_LD_H, 42)
    program.add(_JEQ, NAT_T, "", "drop six")
    program.add(_LD_W, 48)
    program.add(_JEQ, _NON_ESP_MARKER, "drop six", "spi")
    program.label("drop six")
    program.add(_RET, 0)
    program.label("esp6")
    program.add(_LD_W, 40)
    program.add(_JA, 0, "spi")
    program.label("ah6")
    program.add(_LD_W, 44)
    program.label("spi")
    return program.pack() + known_spis(known)


def raw_filter(protocol: int, six: bool, known: Collection[int]) -> bytes:
    """For a raw socket of one protocol: IPv4's has the IP header before it, IPv6's has not."""
    program = _Program()
    at = 4 if protocol == AH else 0
    if six:
        program.add(_LD_W, at)
    else:
        program.add(_LDX_MSH, 0)
        program.add(_LD_W_X, at)
    return program.pack() + known_spis(known)


def known_spis(known: Collection[int]) -> bytes:
    """The end of each filter: what is in the accumulator is dropped if it is one of these."""
    program = _Program()
    for spi in sorted(known)[:MOST_SPIS]:
        # a jump reaches no further than 255 instructions
        program.add(_JEQ, spi, "", f"not {spi}")
        program.add(_RET, 0)
        program.label(f"not {spi}")
    program.add(_RET, SNAP)
    return program.pack()
