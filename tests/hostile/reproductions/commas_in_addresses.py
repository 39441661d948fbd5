# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of commas."""

from reproduce import ends, tree

COMMAS = "," * 100_000
CONF = f"connections {{ gw {{ local_addrs = {COMMAS}\n children {{ net {{ }} }} }} }}\n"

with tree({"etc/swanctl/swanctl.conf": CONF}) as root:
    ends(root, "--config", "/etc/swanctl/swanctl.conf")
