# SPDX-License-Identifier: GPL-3.0-or-later
"""A time of blanks."""

from reproduce import ends, tree

TIME = f'rekey_time = "{" " * 100_000}!"'
CONF = f"connections {{ gw {{ children {{ net {{ {TIME}\n }} }} }} }}\n"

with tree({"etc/swanctl/swanctl.conf": CONF}) as root:
    ends(root, "--config", "/etc/swanctl/swanctl.conf")
