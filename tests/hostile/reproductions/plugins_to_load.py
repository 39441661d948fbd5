# SPDX-License-Identifier: GPL-3.0-or-later
"""A long list of plugins, the last of which is there again and again."""

from reproduce import ends, tree

NAMES = " ".join(f"p{n}" for n in range(60_000)) + " kernel-netlink" * 30_000
FILES = {
    "etc/strongswan.conf": f"charon {{ load = {NAMES}\n }}\n",
    "etc/swanctl/swanctl.conf": "connections { gw { children { net { } } } }\n",
}

with tree(FILES) as root:
    ends(root, "--config", "/etc/swanctl/swanctl.conf")
