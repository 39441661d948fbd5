# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnels between two hosts, in the words of both daemons, and what the kernel shall then hold.

The second host is a network namespace of the first, `peer`, with a daemon of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SECRET = "only for a guest"  # noqa: S105
OUTER = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
LIBRESWAN_IKE = "aes_gcm128-sha2_256-dh31"
STRONGSWAN_IKE = "aes128gcm16-prfsha256-x25519"


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One tunnel; its number tells its inner addresses apart from those of others."""

    name: str
    number: int
    libreswan: tuple[str, ...]
    """Lines of its conn in ipsec.conf."""
    strongswan: tuple[str, ...]
    """Settings of its child in swanctl.conf."""
    algorithms: frozenset[tuple[str, str, int]]
    """Of its SAs as `ip xfrm state` shows them: kind, name, bits of the key and its salt."""
    protocols: frozenset[str] = frozenset({"esp"})
    family: int = 4
    esn: bool | None = None
    """Whether its SAs count with 64 bits; None if the daemons may choose."""
    interface: int = 0
    """The number of its XFRM interface, `ipsecN`."""

    @property
    def inner(self) -> tuple[str, str]:
        """The addresses that the tunnel is for, here and there."""
        if self.family == 6:
            return f"2001:db8:1:{self.number}::1", f"2001:db8:2:{self.number}::1"
        return f"10.1.{self.number}.1", f"10.2.{self.number}.1"


_GCM = frozenset({("aead", "rfc4106(gcm(aes))", 288)})
_CBC = frozenset({("enc", "cbc(aes)", 256), ("auth-trunc", "hmac(sha256)", 256)})
TUNNELS = (
    Tunnel("gcm", 1, ("esp=aes_gcm256",), ("esp_proposals = aes256gcm16",), _GCM),
    Tunnel(
        "cbc-esn",
        2,
        ("esp=aes256-sha2_256", "esn=yes"),
        ("esp_proposals = aes256-sha256-esn",),
        _CBC,
        esn=True,
    ),
    Tunnel(
        "cbc",
        3,
        ("esp=aes256-sha2_256", "esn=no"),
        ("esp_proposals = aes256-sha256",),
        _CBC,
        esn=False,
    ),
    Tunnel(
        "chacha",
        4,
        ("esp=chacha20_poly1305",),
        ("esp_proposals = chacha20poly1305",),
        frozenset({("aead", "rfc7539esp(chacha20,poly1305)", 288)}),
    ),
    Tunnel(
        "ctr",
        5,
        ("esp=aes_ctr256-sha2_256",),
        ("esp_proposals = aes256ctr-sha256",),
        frozenset({("enc", "rfc3686(ctr(aes))", 288), ("auth-trunc", "hmac(sha256)", 256)}),
    ),
    Tunnel(
        "null",
        6,
        ("esp=null-sha1",),
        ("esp_proposals = null-sha1",),
        frozenset({("enc", "ecb(cipher_null)", 0), ("auth-trunc", "hmac(sha1)", 160)}),
    ),
    Tunnel(
        "ah",
        7,
        ("phase2=ah", "ah=sha2_256"),
        ("ah_proposals = sha256",),
        frozenset({("auth-trunc", "hmac(sha256)", 256)}),
        protocols=frozenset({"ah"}),
    ),
    Tunnel(
        "ipcomp",
        8,
        ("esp=aes_gcm256", "compress=yes"),
        ("esp_proposals = aes256gcm16", "ipcomp = yes"),
        _GCM | {("comp", "deflate", 0)},
        protocols=frozenset({"esp", "comp", "4"}),  # the kernel adds IPIP states to IPComp
    ),
    Tunnel(
        "interface", 9, ("esp=aes_gcm256",), ("esp_proposals = aes256gcm16",), _GCM, interface=9
    ),
    Tunnel("ipv6", 10, ("esp=aes_gcm256",), ("esp_proposals = aes256gcm16",), _GCM, family=6),
)

GATEWAYS = ("192.0.2.254", "2001:db8::254")
"""Nobody: what does not go through a tunnel is lost there, not delivered in the clear."""
NETWORK = "/usr/local/sbin/two-hosts"


def network(here: str = "") -> str:
    """A script that makes the second host and the wire to it.

    `here` names a network namespace that there is already and that stands for the first host.
    """
    first = f"ip -n {here}" if here else "ip"
    lines = (
        "#!/bin/sh -e",
        "ip netns add peer",
        f"{first} link add host0 type veth peer name peer0 netns peer",
        *_side(0, first, "host0"),
        *_side(1, "ip -n peer", "peer0"),
    )
    return "\n".join(lines) + "\n"


def bridged(bridge: str) -> str:
    """A script that makes the second host and its wire to a bridge, where the first host is too."""
    lines = (
        "#!/bin/sh -e",
        "ip netns add peer",
        "ip link add host0 type veth peer name peer0 netns peer",
        f"ip link set host0 master {bridge} up",
        *_side(1, "ip -n peer", "peer0"),
    )
    return "\n".join(lines) + "\n"


def _side(side: int, run: str, device: str) -> list[str]:
    lines = [
        f"{run} address add {OUTER[4][side]}/24 dev {device}",
        f"{run} address add {OUTER[6][side]}/64 dev {device} nodad",
        f"{run} link set {device} up",
        f"{run} link set lo up",
    ]
    for gateway in GATEWAYS:
        nobody = f"{gateway} lladdr 02:00:00:00:00:01 dev {device} nud permanent"
        lines += [f"{run} neighbor add {nobody}", f"{run} route add default via {gateway}"]
    return lines + [f"{run} address add {tunnel.inner[side]} dev lo" for tunnel in TUNNELS]


def interfaces(tunnel: Tunnel) -> list[str]:
    """The commands by which strongSwan's user makes a tunnel's XFRM interface on both hosts."""
    commands = []
    for side, run in enumerate(("ip", "ip -n peer")):
        device = f"ipsec{tunnel.interface}"
        here, there = tunnel.inner[side], tunnel.inner[1 - side]
        commands += [
            f"{run} link add {device} type xfrm dev {('host0', 'peer0')[side]} "
            f"if_id {tunnel.interface}",
            f"{run} link set {device} up",
            f"{run} route add {there} dev {device} src {here}",
        ]
    return commands


def ipsec_conf(tunnels: Iterable[Tunnel] = TUNNELS) -> str:
    """libreswan's configuration, the same for both hosts: each knows which end it is."""
    text = f"config setup\n\nconn %default\n    authby=secret\n    ike={LIBRESWAN_IKE}\n"
    text += "    pfs=no\n    auto=add\n"
    for tunnel in tunnels:
        (left, right), (here, there) = OUTER[tunnel.family], tunnel.inner
        bits = 128 if tunnel.family == 6 else 32
        lines = [
            *(f"left={left}", f"right={right}"),
            *(f"leftsubnet={here}/{bits}", f"rightsubnet={there}/{bits}"),
            # an IKE SA for each: 4.10 as responder compares a second child with the first's conn
            *(f"leftid=@{tunnel.name}.here", f"rightid=@{tunnel.name}.there"),
            *tunnel.libreswan,
        ]
        if tunnel.interface:
            lines.append(f"ipsec-interface={tunnel.interface}")
        text += f"\nconn {tunnel.name}\n" + "".join(f"    {line}\n" for line in lines)
    return text


def swanctl_conf(side: int, tunnels: Sequence[Tunnel] = TUNNELS) -> str:
    """strongSwan's configuration of one host: 0 here, 1 the peer."""
    text = "connections {\n"
    for family, addresses in OUTER.items():
        text += f"  ipv{family} {{\n"
        text += f"    local_addrs = {addresses[side]}\n    remote_addrs = {addresses[1 - side]}\n"
        text += f"    proposals = {STRONGSWAN_IKE}\n"
        text += "    local {\n      auth = psk\n    }\n    remote {\n      auth = psk\n    }\n"
        text += "    children {\n"
        for tunnel in tunnels:
            if tunnel.family == family:
                text += _child(tunnel, side)
        text += "    }\n  }\n"
    return text + f'}}\nsecrets {{\n  ike {{\n    secret = "{SECRET}"\n  }}\n}}\n'


def _child(tunnel: Tunnel, side: int) -> str:
    settings = [
        f"local_ts = {tunnel.inner[side]}",
        f"remote_ts = {tunnel.inner[1 - side]}",
        *tunnel.strongswan,
    ]
    if tunnel.interface:
        settings += [f"if_id_in = {tunnel.interface}", f"if_id_out = {tunnel.interface}"]
    body = "".join(f"        {setting}\n" for setting in settings)
    return f"      {tunnel.name} {{\n{body}      }}\n"
