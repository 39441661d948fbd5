# SPDX-License-Identifier: GPL-3.0-or-later
"""Compressed modules of blocks with nothing in them."""

from reproduce import DIRECTORY, MODULES, NEED, ends, put, tree

BLOCKS = b"\x28\xb5\x2f\xfd\x20\x03" + b"\0\0\0" * 2_700_000

with tree({}) as root:
    put(root, {f"{DIRECTORY}/modules.dep": "".join(f"{name}.ko.zst:\n" for name in MODULES)})
    put(root, {f"{DIRECTORY}/{name}.ko.zst": BLOCKS for name in MODULES})
    ends(root, *NEED)
