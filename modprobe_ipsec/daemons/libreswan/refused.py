# SPDX-License-Identifier: GPL-3.0-or-later
"""Combinations of settings that pluto does not take.

source: programs/pluto/connections.c of 5.2, extract.c of 5.4
"""

from modprobe_ipsec.base.annotations import Iterable
from modprobe_ipsec.catalog.model import Protocol
from modprobe_ipsec.daemons.common.networks import networks
from modprobe_ipsec.daemons.libreswan.also import Conn
from modprobe_ipsec.daemons.libreswan.lines import is_number
from modprobe_ipsec.daemons.libreswan.options import Version
from modprobe_ipsec.daemons.libreswan.question import Question, Refused
from modprobe_ipsec.daemons.libreswan.setting import Setting

_NO = frozenset({"no", "false", "off", "n"})
_INTERFACE = frozenset({"yes", "true", "on", "y"}) | _NO
# source: confread.c, load_conn() of 4.1 to 5.2; extract_authby() since 5.3
_IKEV1_AUTHBY = ("secret", "rsasig", "rsa", "never")
_AUTHBY = (
    *(*_IKEV1_AUTHBY, "null", "rsa-sha1"),
    *("rsa-sha2", "rsa-sha2_256", "rsa-sha2_384", "rsa-sha2_512"),
    *("ecdsa", "ecdsa-sha2", "ecdsa-sha2_256", "ecdsa-sha2_384", "ecdsa-sha2_512"),
)
_SIDES = ("left", "right")
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
    both_pools = bool(conn.value("rightaddresspool"))
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
        # 5.2 forgets this one
        ("narrowing", ("yes",), "needs IKEv2", ikev1 and version < (5, 0)),
        ("intermediate", ("yes",), "needs IKEv2", ikev1 and version >= (5, 0)),
        ("aggressive", ("yes",), "needs ike=", version >= (5, 0) and not conn.get("ike")),
        ("leftaddresspool", (), "and rightaddresspool= exclude each other", both_pools),
        (
            "ms-dh-downgrade",
            ("yes",),
            "and pfs-rekey-workaround=yes exclude each other",
            conn.value("pfs-rekey-workaround") == "yes",
        ),
        ("leftauth", (), "and rightauth= are set both, or none", not conn.get("rightauth")),
        ("rightauth", (), "and leftauth= are set both, or none", not conn.get("leftauth")),
        ("leftauth", (), "needs IKEv2", ikev1),
        ("authby", ("never",), "needs type=pass, drop or reject", True),
    )
    interface = conn.get("ipsec-interface")
    if interface and not (is_number(interface.value) or interface.value.lower() in _INTERFACE):
        raise Refused(f"{interface.written} is neither yes, no nor a number", interface)
    for side in _SIDES:
        if ikev1 and conn.value(side).startswith("%opportunistic"):
            raise Refused(f"{side}=%opportunistic... needs IKEv2", conn.get(side))
    _check_authby(conn, ikev1, version)
    _check_subnets(conn)
    if version >= (5, 0):
        _check_roles(conn)
    for name, values, problem, applies in rules:
        setting = conn.get(name) if applies else None
        if setting and asks(setting, values):
            raise Refused(f"{setting.written} {problem}", setting)


def _check_roles(conn: Conn) -> None:
    """Who gives addresses and who asks for one. Opportunistic connections may be both."""
    if any(conn.value(side).startswith("%opportunistic") for side in _SIDES):
        return
    roles = [
        (first, second)
        for one, other in (_SIDES, _SIDES[::-1])
        for first, second in (
            (f"{one}modecfgserver", f"{one}modecfgclient"),
            (f"{one}modecfgserver", f"{one}cat"),
            (f"{one}modecfgserver", f"{one}addresspool"),
            (f"{one}modecfgclient", f"{other}cat"),
            (f"{one}modecfgclient", f"{other}addresspool"),
            (f"{one}cat", f"{other}addresspool"),
            (f"{one}modecfgserver", f"{other}modecfgserver"),
            (f"{one}modecfgclient", f"{other}modecfgclient"),
            (f"{one}cat", f"{other}cat"),
        )
    ]
    for first, second in roles:
        one_set, other_set = conn.get(first), conn.get(second)
        if one_set and other_set and asks(one_set, ()) and asks(other_set, ()):
            raise Refused(f"{one_set.written} and {other_set.written} exclude each other", one_set)


def _check_subnets(conn: Conn) -> None:
    """What is behind the ends is of one family; an end without subnet is its own."""
    families = []
    for side in _SIDES:
        behind = conn.value(f"{side}subnet") or conn.value(f"{side}subnets")
        host = conn.value(side)
        if not behind and (":" in host or is_number(host.replace(".", ""))):
            behind = f"{host}/"
        given = conn.value(f"{side}addresspool") or conn.value(f"{side}modecfgclient") == "yes"
        families.append(() if given else networks(behind))
    left, right = families
    if left and right and not set(left) & set(right):
        names = [f"{side}subnet{several}" for side in _SIDES for several in ("", "s")]
        setting = next((found for name in names if (found := conn.get(name))), None)
        if not setting:
            return
        raise Refused(f"{setting.written} and the other end are of different families", setting)


def _check_authby(conn: Conn, ikev1: bool, version: Version) -> None:
    setting = conn.get("authby")
    if not setting:
        return
    known = _IKEV1_AUTHBY if ikev1 else _AUTHBY
    words = setting.text.replace(",", " ").split(" ")
    if version < (4, 7):
        words = list(filter(None, words))
    for word in words:
        if not word:
            # a comma and a blank are two separators
            raise Refused(f"{setting.written} names nothing between two separators", setting)
        if word not in known and not (word == "eddsa" and version >= (5, 4) and not ikev1):
            raise Refused(f"authby= has a word that is none of {', '.join(known)}", setting)


def asks(setting: Setting, values: tuple[str, ...], kind: str = "number") -> bool:
    """Whether a setting switches on what its option is for."""
    if values:
        return setting.value in values
    if kind == "number":
        return setting.value not in ("", "0")
    # ipsec-interface=0 is an interface as any other
    return bool(setting.value) and setting.value.lower() not in _NO
