# SPDX-License-Identifier: GPL-3.0-or-later
"""What places in /proc show about the XFRM stack: a hint for people, never a proof.

Sources: net/xfrm/xfrm_proc.c, net/xfrm/xfrm_sysctl.c, net/key/af_key.c, net/netlink/af_netlink.c.
"""

from modprobe_ipsec.base.annotations import Callable, Iterable
from modprobe_ipsec.host.facts import StackSign
from modprobe_ipsec.host.reads import Read, whole
from modprobe_ipsec.host.root import Host

_NETLINK_XFRM = "6"
_NO_ERRORS = "all zero"
_LIMIT = 1 << 20
# Digits of an unsigned long; more counters, and more letters of a name, than any kernel has.
_DIGITS, _MOST = 20, 64
_SYSCTLS = ("xfrm_acq_expires", "xfrm_aevent_etime", "xfrm_aevent_rseqth", "xfrm_larval_drop")
_STAT, _NETLINK, _PFKEY = "proc/net/xfrm_stat", "proc/net/netlink", "proc/net/pfkey"

READS = (
    Read(_STAT, whole),
    # who has a socket is nobody else's business
    Read(_NETLINK),
    Read(_PFKEY),
    *(Read(f"proc/sys/net/core/{name}", whole) for name in _SYSCTLS),
)


def read(host: Host) -> tuple[StackSign, ...]:
    """Every witness, also those that are not there."""
    return (
        _ask(host, _STAT, counters, "only kernels with CONFIG_XFRM_STATISTICS"),
        _ask(host, _NETLINK, netlink, "/proc may be incomplete"),
        _ask(host, _PFKEY, pfkey, "only once af_key is loaded"),
        *(
            _ask(host, f"proc/sys/net/core/{name}", _value(name), "hidden in user namespaces")
            for name in _SYSCTLS
        ),
    )


def counters(text: str) -> tuple[bool, str]:
    """/proc/net/xfrm_stat: the number of counters, and those that are not zero."""
    rows = [line.split() for line in text.split("\n")]
    found = [(row[0], row[1]) for row in rows if len(row) == 2 and row[0].startswith("Xfrm")]
    counted = [f"{name} {value}" for name, value in found if value.strip("0")]
    return True, f"{len(found)} counters, {', '.join(counted) if counted else _NO_ERRORS}"


def netlink(text: str) -> tuple[bool, str]:
    """/proc/net/netlink, `sk Eth Pid Groups ...`: who has a NETLINK_XFRM socket here."""
    rows = [line.split() for line in text.split("\n")]
    ports = [row[2] for row in rows if len(row) > 2 and row[1] == _NETLINK_XFRM]
    if not ports:
        return False, "no NETLINK_XFRM socket, which proves nothing (xfrm_user may be loadable)"
    users = [port for port in ports if port != "0"]
    who = f"ports {', '.join(users)}" if users else "nobody uses it"
    return True, f"NETLINK_XFRM is there, {who}"


def pfkey(text: str) -> tuple[bool, str]:
    """/proc/net/pfkey: a heading and a line for each socket."""
    sockets = sum(1 for line in text.split("\n")[1:] if line.strip())
    return True, f"af_key is there, {sockets} sockets"


def _value(name: str) -> Callable[[str], tuple[bool, str]]:
    return lambda text: (True, f"{name.removeprefix('xfrm_')} {text.strip()}")


def _values(rows: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """What is a name and a number of the kernel's; nothing else is believed."""
    pairs = [words for row in rows if len(words := row.split()) == 2 and words[0][:1] in "Xx"]
    return tuple((name, int(number)) for name, number in pairs[:_MOST] if _is_value(name, number))


def _is_value(name: str, number: str) -> bool:
    digits = number.isascii() and number.isdecimal() and len(number) <= _DIGITS
    return digits and name.isascii() and name.isidentifier() and len(name) <= _MOST


def _ask(host: Host, path: str, show: Callable[[str], tuple[bool, str]], absent: str) -> StackSign:
    answer = host.read(path, _LIMIT)
    if isinstance(answer, bytes):
        text = answer.decode("utf-8", "replace")
        present, shows = show(text)
        dropped = path == _STAT and not shows.endswith(_NO_ERRORS)
        rows = text.split("\n") if path == _STAT else [f"{path.rpartition('/')[2]} {text}"]
        return StackSign(path, present, shows, dropped, _values(rows))
    if answer.missing:
        return StackSign(path, False, f"not there, which proves nothing ({absent})")
    return StackSign(path, None, answer.why)
