# SPDX-License-Identifier: GPL-3.0-or-later
"""A large gateway's swanctl.conf, made up: templates, references, includes."""

from .common import SWANCTL

_MAIN = """\
# made by tests/daemons/strongswan/big.py
include conf.d/*.conf

base-conn {
    version = 2
    proposals = aes256-sha256-modp2048, default
    dpd_delay = 30s
    local {
        auth = pubkey
        certs = moonCert.pem
        id = moon.strongswan.org
    }
    remote {
        auth = pubkey
    }
}
base-child {
    esp_proposals = aes256gcm16-x25519, aes256-sha256
    start_action = trap
    rekey_time = 1h
}
"""
_CONNECTION = """\
    gw-{number} : base-conn {{
        local_addrs = 192.0.2.1
        remote_addrs = 198.51.{high}.{low}, gw-{number}.example.org
        remote {{
            id = "C=CH, O=strongSwan Project, CN=gw-{number}"
        }}
        children {{
            net-{number} : base-child {{
                local_ts  = 10.1.0.0/16
                remote_ts = 10.{high}.{low}.0/24    # behind it
{more}            }}
        }}
    }}
"""
# What every so many connections have besides.
_MORE = {
    3: "                esp_proposals = aes128-sha256-esn-noesn\n",
    5: "                mode = transport\n",
    7: "                ipcomp = yes\n",
    11: "                if_id_in = {number}\n                if_id_out = {number}\n",
    13: "                esp_proposals =\n",
    101: "                ah_proposals = sha{number}-sha256\n",
}


def make_config(conns: int, includes: int) -> dict[str, str]:
    """`conns` connections in swanctl.conf and `includes` files that it includes: path -> text.

    Most inherit from a template; one in 101 is wrong (its AH proposal is no algorithm).
    """
    texts = {SWANCTL: _MAIN}
    pieces: list[list[str]] = [[] for _ in range(max(includes, 1))]
    for number in range(1, conns + 1):
        more = "".join(
            text.format(number=number) for every, text in _MORE.items() if number % every == 0
        )
        pieces[number % len(pieces)].append(
            _CONNECTION.format(number=number, high=number >> 8 & 255, low=number & 255, more=more)
        )
    for index, piece in enumerate(pieces):
        text = "connections {\n" + "".join(piece) + "}\n"
        if includes:
            texts[f"/etc/swanctl/conf.d/{index:04}.conf"] = text
        else:
            texts[SWANCTL] += text
    return texts
