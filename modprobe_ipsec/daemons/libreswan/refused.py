# SPDX-License-Identifier: GPL-3.0-or-later
"""Combinations of settings that pluto does not take.

source: programs/pluto/connections.c of 5.2, extract.c of 5.4
"""

from modprobe_ipsec.base.annotations import Iterable
from modprobe_ipsec.catalog.model import Protocol
from modprobe_ipsec.daemons.libreswan.also import Conn
from modprobe_ipsec.daemons.libreswan.lines import is_number
from modprobe_ipsec.daemons.libreswan.options import Version
from modprobe_ipsec.daemons.libreswan.question import Question, Refused
from modprobe_ipsec.daemons.libreswan.setting import Setting

_NO = frozenset({"no", "false", "off", "n"})
_INTERFACE = frozenset({"yes", "true", "on", "y"}) | _NO
_PACKET_WINDOWS = ("32", "64", "128", "256")


def check_ends(conn: Conn, version: Version) -> None:
    """Let a connection pass that has all that its start needs. Raises Refused.

    source: starterwhack.c, set_whack_end(); 4.x: starter_permutate_conns(), which says nothing
    """
    for side in ("left", "right"):
        if not conn.value(side):
            raise Refused(
                f"{side}= is not set, and pluto takes no connection without", conn.get(side)
            )
    subnets = conn.get("leftsubnets") or conn.get("rightsubnets")
    if version < (5, 0) and subnets:
        for side in ("left", "right"):
            if not (conn.get(f"{side}subnet") or conn.value(f"{side}subnets")):
                without = f"without {side}subnet= gives no connection before libreswan 5"
                raise Refused(f"{subnets.written} {without}", subnets)


def check(conn: Conn, question: Question, version: Version) -> None:
    """Let a connection pass whose settings go together. Raises Refused."""
    ikev1, ah = question.ike == 1, question.protocol is Protocol.AH
    transport = conn.value("type") == "transport"
    no_tunnel = "needs tunnel mode, and the connection has type=transport"
    tfc = conn.value("tfc", "0") != "0"
    rules: Iterable[tuple[str, tuple[str, ...], str, bool]] = (
        ("vti-interface", (), no_tunnel, transport),
        ("aggressive", ("yes",), "is for IKEv1 only", not ikev1),
        ("mobike", ("yes",), "needs IKEv2", ikev1),
        ("mobike", ("yes",), no_tunnel, transport),
        ("iptfs", ("yes",), "needs IKEv2", ikev1),
        ("iptfs", ("yes",), no_tunnel, transport),
        ("iptfs", ("yes",), "and tfc= exclude each other", tfc),
        ("iptfs", ("yes",), "and compress=yes exclude each other", question.compress),
        ("iptfs", ("yes",), "is for ESP, and the connection uses AH", ah),
        ("enable-tcp", ("yes", "fallback"), "needs IKEv2", ikev1),
        ("nic-offload", ("packet",), "needs type=transport", not transport),
        ("nic-offload", ("packet",), "is for ESP, and the connection uses AH", ah),
        ("nic-offload", ("packet",), "and compress=yes exclude each other", question.compress),
        (
            "nic-offload",
            ("packet",),
            "and encapsulation=yes exclude each other",
            conn.value("encapsulation") == "yes",
        ),
        (
            "nic-offload",
            ("packet",),
            f"needs a replay-window of {', '.join(_PACKET_WINDOWS)}",
            conn.value("replay-window", "128") not in _PACKET_WINDOWS,
        ),
        ("tfc", (), no_tunnel, transport),
        ("tfc", (), "is for ESP, and the connection uses AH", ah),
        ("sec-label", (), "needs IKEv2", ikev1 and version >= (5, 0)),
        ("authby", ("never",), "needs type=pass, drop or reject", True),
    )
    interface = conn.get("ipsec-interface")
    if interface and not (is_number(interface.value) or interface.value.lower() in _INTERFACE):
        raise Refused(f"{interface.written} is neither yes, no nor a number", interface)
    for name, values, problem, applies in rules:
        setting = conn.get(name) if applies else None
        if setting and asks(setting, values):
            raise Refused(f"{setting.written} {problem}", setting)


def asks(setting: Setting, values: tuple[str, ...], kind: str = "number") -> bool:
    """Whether a setting switches on what its option is for."""
    if values:
        return setting.value in values
    if kind == "number":
        return setting.value not in ("", "0")
    # ipsec-interface=0 is an interface as any other
    return bool(setting.value) and setting.value.lower() not in _NO
