# SPDX-License-Identifier: GPL-3.0-or-later
"""--record copies install lines with all that stands in them."""

from reproduce import CANARY, end, tool, tree

LINES = f"install esp4 /usr/bin/curl -u me:{CANARY} https://example.org\noptions ipv6 x={CANARY}\n"

with tree({"etc/modprobe.d/x.conf": LINES}) as root:
    tool(root, ["--record", str(root.parent / "record"), "--esp", "aes128-sha1"])
    written = [path.read_bytes() for path in (root.parent / "record").rglob("*") if path.is_file()]
    end(bool(written) and not any(CANARY.encode() in data for data in written), "it is copied")
