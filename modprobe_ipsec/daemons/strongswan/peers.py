# SPDX-License-Identifier: GPL-3.0-or-later
"""The peers of strongSwan's connections: swanctl.conf and starter's ipsec.conf."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.base.text import name as show_name
from modprobe_ipsec.daemons.common.descriptor import Context
from modprobe_ipsec.daemons.common.peers import PeerConnection, addresses, command
from modprobe_ipsec.daemons.strongswan import DAEMON
from modprobe_ipsec.daemons.strongswan.sections import parse as parse_sections
from modprobe_ipsec.daemons.strongswan.settings import Setting, parse
from modprobe_ipsec.daemons.strongswan.values import tokens
from modprobe_ipsec.needs.reading import Files

_ANYBODY = ("%any", "%any4", "%any6", "0.0.0.0/0", "::/0")


def swanctl(path: str, files: Files, context: Context) -> Iterator[PeerConnection]:
    """Children of a swanctl.conf. Raises ConfigError."""
    for name, node in parse(path, files).find("connections").children():
        remote = tokens(_text(node.values().get("remote_addrs"))) or ["%any"]
        anybody = any(word in _ANYBODY for word in remote)
        callable_ = any(word not in _ANYBODY and "/" not in word for word in remote)
        for child, below in node.child("children").children():
            up = command("swanctl", "--initiate", "--child", names=(child,)) if callable_ else ""
            yield PeerConnection(
                daemon=DAEMON.name,
                conn=show_name(f"{name} children {child}"),
                place=str(below.place),
                ends=addresses(remote),
                anybody=anybody,
                command=up,
            )


def starter(path: str, files: Files, context: Context) -> Iterator[PeerConnection]:
    """Conns of an ipsec.conf that starter loads. Raises ConfigError."""
    conns = parse_sections(path, files)
    for name, conn in conns.conns.items():
        settings = conns.settings(conn)
        if name == "%default" or (_text(settings.get("auto")) or "ignore") == "ignore":
            continue
        # starter turns the ends round if `left` is no address of this host
        left, right = (tokens(_text(settings.get(side))) for side in ("left", "right"))
        anybody = not right or any(word in _ANYBODY for word in right)
        yield PeerConnection(
            daemon=DAEMON.name,
            conn=show_name(name),
            place=str(conn.text.place(conn.at)),
            ends=addresses((*left, *right)),
            anybody=anybody,
            command="" if anybody else command("ipsec", "up", names=(name,)),
        )


def _text(setting: Setting | None) -> str:
    return setting.value or "" if setting else ""
