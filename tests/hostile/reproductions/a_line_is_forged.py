# SPDX-License-Identifier: GPL-3.0-or-later
"""An include path that is longer than a line of the journal is split, and its rest has a level."""

from reproduce import PLUTO, end, tool, tree

PATH = "/etc/" + "x" * 49_100 + "<0>forged"

with tree({**PLUTO, "etc/ipsec.conf": f"conn a\ninclude {PATH}\n"}) as root:
    done = tool(root, ["--check", "--format", "journal"])
    end(max(map(len, done.stdout.splitlines())) <= 1000, "a line is longer than journald keeps one")
