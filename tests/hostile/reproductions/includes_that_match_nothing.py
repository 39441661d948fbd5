# SPDX-License-Identifier: GPL-3.0-or-later
"""Includes that match nothing in a directory of many names."""

from reproduce import PLUTO, ends, tree

LINES = "".join(f"include /etc/d/*.{n}\n" for n in range(2000))
NAMES = {f"etc/d/name{n}": "" for n in range(5000)}

with tree({**PLUTO, **NAMES, "etc/ipsec.conf": LINES + "conn a\n"}) as root:
    ends(root)
