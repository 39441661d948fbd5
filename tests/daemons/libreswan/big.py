# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations of any size, for measuring."""

CONN = """\
conn site-{number}
\tleft=192.0.2.1
\tleftid=@gateway.example.com
\tleftsubnet=10.0.0.0/16
\tright=198.51.{high}.{low}
\trightid=@site-{number}.example.com
\trightsubnet=10.{second}.{third}.0/24
\t{esp}
\tauto=ondemand
"""
PROPOSALS = (
    "# esp= is that of libreswan",
    "esp=aes_gcm256,aes_gcm128",
    'esp="aes256-sha2_512+sha2_256"',
    "esp=aes128-sha2;modp2048",
    "also=old-peers",
)
HEAD = """\
# made by tests/daemons/libreswan/big.py
config setup
\tlogfile=/var/log/pluto.log

conn %default
\tauthby=rsasig
\tikelifetime=8h

conn old-peers
\tesp=aes128-sha1
\tcompress=no

"""


def make_config(conns: int, includes: int) -> dict[str, str]:
    """Some files, /etc/ipsec.conf the first: so many connections (200 bytes each), evenly spread.

    They use every feature that costs time: comments, quotes, also=, %default, includes.
    """
    files = {"/etc/ipsec.conf": HEAD + "include /etc/ipsec.d/*.conf\n" * bool(includes)}
    texts: list[list[str]] = [[] for _ in range(max(includes, 1))]
    for number in range(conns):
        texts[number % len(texts)].append(
            CONN.format(
                number=number,
                high=number // 250 % 250,
                low=number % 250 + 1,
                second=number // 250 % 250 + 1,
                third=number % 250,
                esp=PROPOSALS[number % len(PROPOSALS)],
            )
        )
    if not includes:
        files["/etc/ipsec.conf"] += "\n".join(texts[0])
    for number, text in enumerate(texts[:includes]):
        files[f"/etc/ipsec.d/{number:04}.conf"] = "\n".join(text)
    return files
