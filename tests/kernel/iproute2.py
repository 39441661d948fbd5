# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ip xfrm state` sent on each kind of machine, as recorded in iproute2*.txt."""

from pathlib import Path

HERE = Path(__file__).parent
# By alignment of 64-bit numbers and byte order, which are all that messages depend on.
FILES = {
    (8, "little"): "iproute2.txt",
    (8, "big"): "iproute2-s390x.txt",
    (4, "little"): "iproute2-i386.txt",
}


def recorded(alignment: int = 8, order: str = "little") -> list[tuple[str, bytes]]:
    """Commands and what they sent, without the header."""
    text = (HERE / FILES[alignment, order]).read_text()
    blocks = (block.split("\n") for block in text.split("\n\n")[1:])
    return [(command, bytes.fromhex("".join(data))) for command, *data in blocks]


def commands() -> list[str]:
    """All of them: the same on each machine."""
    return [command for command, _ in recorded()]
