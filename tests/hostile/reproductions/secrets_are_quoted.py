# SPDX-License-Identifier: GPL-3.0-or-later
"""A stray include puts secrets into the report, its JSON and the journal."""

from reproduce import CANARY, PLUTO, end, tool, tree

SECRETS = f': PSK "{CANARY}"\n\tPrivateExponent: 0x{CANARY}\nroot:$6${CANARY}:1::::::\n'
FILES = {**PLUTO, "etc/ipsec.conf": "include /etc/ipsec.d/*\n", "etc/ipsec.d/secrets": SECRETS}

with tree(FILES) as root:
    said = [tool(root, ["--check", "--format", name]) for name in ("text", "json", "journal")]
    end(all(CANARY not in done.stdout + done.stderr for done in said), "the canary is quoted")
