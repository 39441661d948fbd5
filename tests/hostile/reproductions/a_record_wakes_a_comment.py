# SPDX-License-Identifier: GPL-3.0-or-later
"""--record leaves out a comment that goes on in the next line, which then counts."""

from reproduce import NEED, end, tool, tree

LINES = "# not any more \\\ninstall esp4 /bin/false\n"

with tree({"etc/modprobe.d/x.conf": LINES}) as root:
    before = tool(root, ["--check", *NEED]).stdout
    tool(root, ["--record", str(root.parent / "record"), *NEED])
    after = tool(root.parent / "record", ["--check", *NEED]).stdout
    end("x.conf" not in before + after, "the line counts in the record")
