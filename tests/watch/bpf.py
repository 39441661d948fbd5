# SPDX-License-Identifier: GPL-3.0-or-later
"""What a classic BPF program returns, as net/core/filter.c runs it: enough for our filters."""

import struct

PACKET_TYPE = 0xFFFFF004


def run(program: bytes, packet: bytes, packet_type: int = 0) -> int:
    """Bytes of the packet that go through; 0 for none."""
    code = list(struct.iter_unpack("HBBI", program))
    at = accumulator = index = 0
    while True:
        operation, yes, no, value = code[at]
        at += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x05:
            at += value
        elif operation in (0x15, 0x45):
            holds = accumulator == value if operation == 0x15 else accumulator & value
            at += yes if holds else no
        elif operation == 0x54:
            accumulator &= value
        elif operation == 0xB1:
            if value >= len(packet):
                return 0
            index = (packet[value] & 15) * 4
        elif operation == 0x20 and value == PACKET_TYPE:
            accumulator = packet_type
        else:
            size = {0x00: 4, 0x08: 2, 0x10: 1}[operation & 0x18]
            start = value + (index if operation & 0xE0 == 0x40 else 0)
            if start + size > len(packet):
                return 0
            accumulator = int.from_bytes(packet[start : start + size], "big")
