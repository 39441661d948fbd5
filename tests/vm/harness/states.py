# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ip -s xfrm state` says about one SA."""

import re


def algorithms(state: str) -> set[tuple[str, str, int]]:
    """Kind, name, and the bits of the key with its salt."""
    found = re.findall(r"^\s+(aead|enc|auth-trunc|auth|comp) (\S+)(?: 0x([0-9a-f]*))?", state, re.M)
    return {(kind, name, 4 * len(key)) for kind, name, key in found}


def protocol(state: str) -> str:
    """esp, ah, comp, or 4 for what the kernel adds to IPComp."""
    return state.split("\tproto ")[1].split()[0]


def bytes_of(state: str) -> int:
    """How much went through it."""
    return int(state.split("lifetime current:")[1].split("(bytes)")[0])
