# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of other programs as a fuzz target: what --config names, and what lies on a host."""

from modprobe_ipsec.daemons import others
from tests.daemons.common import CONTEXT
from tests.daemons.texts import Texts
from tests.hosts import tree

from .common import STARTER

_PLACES = {
    "systemd-networkd": "/etc/systemd/network/x.netdev",
    "network-manager-l2tp": "/etc/NetworkManager/system-connections/x",
    "ipsec-tools": "/etc/ipsec-tools.conf",
    "cilium": "/var/lib/kubelet/pods/1/volumes/kubernetes.io~secret/cilium-ipsec-secrets/keys",
}
_RECORDED = (
    *("usr/local/sbin/*", "etc/ipsec-tools.conf", "etc/NetworkManager/*/*"),
    "etc/systemd/network/*.netdev",
)
WORDS = (
    *("ip xfrm state add ", "spdadd ", "add ", "aead ", "enc ", "auth ", " -E ", ";", "#", "0x00"),
    *("esp", "[vpn]", "ipsec-esp=", "Kind=", "xfrm", "'", '"', "\\", "hmac(sha256) ", "cbc(aes) "),
)


def read(data: bytes) -> object:
    """All that may be read of it."""
    text = data.decode("utf-8", "surrogateescape")
    on_host = Texts(dict.fromkeys(_PLACES.values(), text))
    found = others.read_host(dict.fromkeys(_PLACES, "/x"), on_host, CONTEXT, STARTER)
    return found, others.read_file("/x", Texts({"/x": text}), CONTEXT, STARTER, text)


def seeds() -> list[bytes]:
    """Files of recorded hosts, and Cilium's keys."""
    recorded = [
        path.read_bytes()
        for pattern in _RECORDED
        for case in sorted(tree.CASES.glob("others-*"))
        for path in sorted((case / "root").glob(pattern))
    ]
    return [*recorded, b"3+ rfc4106(gcm(aes)) 0011223344556677889900112233445566778899 128\n"]
