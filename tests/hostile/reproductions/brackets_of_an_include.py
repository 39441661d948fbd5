# SPDX-License-Identifier: GPL-3.0-or-later
"""A pattern of brackets that nothing closes."""

from reproduce import PLUTO, ends, tree

LINES = "".join(f"include /etc/d/{'[' * (3000 + n)}\n" for n in range(60))

with tree({**PLUTO, "etc/ipsec.conf": LINES + "conn a\n", "etc/d/x": ""}) as root:
    ends(root)
