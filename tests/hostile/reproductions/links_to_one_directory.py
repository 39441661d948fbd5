# SPDX-License-Identifier: GPL-3.0-or-later
"""Many names of one large directory."""

from reproduce import PLUTO, ends, tree

NAMES = {f"etc/d/name{n}": "" for n in range(5000)}

with tree({**PLUTO, **NAMES, "etc/ipsec.conf": "include /etc/links/*/*x\nconn a\n"}) as root:
    (root / "etc/links").mkdir()
    for number in range(2000):
        (root / f"etc/links/{number}").symlink_to("/etc/d")
    ends(root)
