# SPDX-License-Identifier: GPL-3.0-or-later
"""iked.conf as a text: what is read of it, and how iked would print that."""

from typing import Any

from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.daemons.iked import needs
from modprobe_ipsec.daemons.iked.parser import parse
from modprobe_ipsec.daemons.iked.policy import Clause, IkedConf, IkedPolicy
from modprobe_ipsec.daemons.iked.tables import tables
from modprobe_ipsec.needs.reading import Reading
from tests.daemons.common import CONTEXT
from tests.daemons.iked.oracle import PolicySeen
from tests.daemons.texts import Texts
from tests.shipped import daemon_tree

CONF = "/etc/iked.conf"
RELEASE = (7, 2)
TABLES = tables(daemon_tree("iked"), RELEASE)
_DEFAULT = Clause(
    None,  # type: ignore[arg-type]
    enc=("aes-256", "aes-192", "aes-128"),
    auth=("hmac-sha2-384", "hmac-sha2-512", "hmac-sha1"),
    group=("none",),
    esn=("noesn",),
)
# Of words for the same, iked prints the first.
_SAME = {"3des-cbc": "3des"} | {
    grp: name
    for name, grp in zip(TABLES.kinds["group"], TABLES.kinds["group"][1:], strict=False)
    if grp.startswith("grp")
}


def read(text: str, *, modes: dict[str, tuple[int, int]] | None = None, **more: str) -> Reading:
    """The reading of iked.conf; `more` are files in /etc that it may include."""
    files = {CONF: text, **{f"/etc/{name}": text for name, text in more.items()}}
    return needs.read(CONF, Texts(files, modes=modes or {}), CONTEXT._replace(release=RELEASE))


def conf(text: str) -> IkedConf:
    """What the parser makes of a file of these bytes."""
    decoded = text.encode("latin-1").decode("utf-8", "surrogateescape")
    return parse(CONF, Texts({CONF: decoded}), TABLES)


def printed(policy: IkedPolicy) -> PolicySeen:
    """As `iked -n -vv` prints a policy, as far as that matters here."""
    family = ""
    if len(policy.families) == 1:
        family = "inet" if policy.families[0] is Family.IPV4 else "inet6"
    kept = [c for c in policy.clauses if not set(c.enc) & TABLES.implicit]
    clauses = kept if policy.clauses else [_DEFAULT]
    return PolicySeen(
        policy.name,
        policy.ipcomp,
        "transport" if policy.transport else "tunnel",
        "ah" if policy.protocol is Protocol.AH else "esp",
        family,
        tuple(map(_printed, clauses)),
    )


def _printed(clause: Clause) -> str:
    kinds = {
        kind: getattr(clause, kind) or getattr(_DEFAULT, kind)
        for kind in ("enc", "auth", "group", "esn")
    }
    words = [
        f"{kind} {_SAME.get(word, word)}"
        for kind in ("enc", "auth", "group")
        for word in kinds[kind]
    ]
    return " ".join((*words, *kinds["esn"]))


def read_bytes(data: bytes) -> object:
    """Several files from one text: what stands behind a line `#-- ` is another one."""
    conf, *parts = data.decode("utf-8", "surrogateescape").split("\n#-- ")
    more: dict[str, Any] = {f"x{n}": part for n, part in enumerate(parts)}
    return read(conf, **more)
