# SPDX-License-Identifier: GPL-3.0-or-later
"""More patterns than the cache of fnmatch holds."""

from reproduce import NEED, ends, tree

LINES = "".join(f"install a?[b]{n} x\n" for n in range(40_000))

with tree({"etc/modprobe.d/x.conf": LINES}) as root:
    ends(root, *NEED)
