# SPDX-License-Identifier: GPL-3.0-or-later
"""Very many references of one section."""

from reproduce import ends, tree

NAMES = ",".join(f"s{n}" for n in range(90_000))
CONF = f"connections {{ gw : {NAMES} {{ children {{ net {{ }} }} }} }}\n"

with tree({"etc/swanctl/swanctl.conf": CONF}) as root:
    ends(root, "--config", "/etc/swanctl/swanctl.conf")
