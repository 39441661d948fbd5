# SPDX-License-Identifier: GPL-3.0-or-later
"""A megabyte of configuration gives tens of thousands of lines."""

from reproduce import PLUTO, end, tool, tree

TEXT = "conn a\n" + "\tpfs=yes\n\tpfs=no\n" * 60_000

with tree({**PLUTO, "etc/ipsec.conf": TEXT}) as root:
    done = tool(root, ["--check", "--format", "journal"])
    end(0 < len(done.stdout.splitlines()) < 200, f"{len(done.stdout.splitlines())} lines")
