# SPDX-License-Identifier: GPL-3.0-or-later
"""What iked looks at once a line of iked.conf has the right form. Each raises Misread.

source: iked/parse.y, actions of the grammar, create_ike, create_flow, create_user; iked.h, types.h
"""

from modprobe_ipsec.base.annotations import Iterable, Sequence
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.daemons.iked.hosts import Address
from modprobe_ipsec.daemons.iked.lexer import NUMBER, Misread, Token
from modprobe_ipsec.daemons.iked.policy import Clause
from modprobe_ipsec.needs.reading import Place

# IKED_ID_SIZE and IKED_PSK_SIZE, IKED_IPPROTO_MAX, LOGIN_NAME_MAX, IKED_PASSWORD_SIZE
_ID, _PROTOCOLS, _USER = 1024, 16, 256
_FAMILIES = {"inet": Family.IPV4, "inet6": Family.IPV6}
_HEX = frozenset("0123456789abcdefABCDEF")
_DIGITS = frozenset("0123456789")


def user(place: Place, name: str, password: str) -> None:
    """A line `user`."""
    for what, text in (("user name", name), ("password", password)):
        if not 0 < len(text) < _USER:
            raise Misread(place, f"the {what} has {len(text)} characters, 1 to {_USER - 1} may be")


def protocol(token: Token) -> None:
    """What `proto` names; words are those of /etc/protocols."""
    if token.kind == NUMBER and not 0 <= token.number <= 255:
        raise Misread(token.place, f"{token.shown} is no protocol")


def port(token: Token) -> None:
    """What `port` names; words are those of /etc/services."""
    if token.kind == NUMBER and not 0 <= token.number <= 0xFFFF:
        raise Misread(token.place, f"{token.shown} is no port")


def amount(token: Token, units: str) -> None:
    """A number, or one with a unit behind it; sscanf(3) looks at no more."""
    if token.kind == NUMBER:
        return
    text = token.text.lstrip(" \t\n\v\f\r")
    text = text[1:] if text[:1] in ("+", "-") and text[:1] else text
    rest = text.lstrip("0123456789")
    if rest == text or not rest or rest[0].lower() not in units:
        wanted = " or ".join(units)
        raise Misread(token.place, f"{token.shown} is no number with {wanted} behind it")


def key(token: Token) -> None:
    """What `psk` says itself."""
    text = token.text
    digits = text.removeprefix("0x") if text.startswith("0x") else ""
    if digits:
        pairs = digits[: len(digits) // 2 * 2]
        if len(pairs) > 2 * _ID or set(pairs) - _HEX:
            raise Misread(token.place, "the key is too long, or not in hexadecimal digits")
    elif len(text) > _ID:
        raise Misread(token.place, f"the key is longer than {_ID} characters")


def tap(token: Token) -> None:
    """The interface of `tap`."""
    number = token.text.removeprefix("enc")
    if number == token.text or not number or set(number) - _DIGITS or len(number.lstrip("0")) > 10:
        raise Misread(token.place, f"{token.shown} is no interface enc and a number")
    if int(number[-11:]) > 0xFFFFFFFF:
        raise Misread(token.place, f"{token.shown} has too large a number")


def lengths(place: Place, protocols: int, name: str, ids: Sequence[str]) -> None:
    """What a policy has too much of."""
    if protocols > _PROTOCOLS:
        raise Misread(place, f"more than {_PROTOCOLS} protocols")
    for text in (name, *ids):
        if len(text) >= _ID:
            raise Misread(place, "the name or an identity is too long")


def ends(
    place: Place,
    af: str,
    local: Address | None,
    peer: Address | None,
    flows: Sequence[tuple[Address, Address]],
    *,
    active: bool,
) -> tuple[Family, ...]:
    """The outer address families of a policy.

    Without `local` and `peer` the ends of its only flow are those of the tunnel, too.
    """
    family = _FAMILIES.get(af)
    known = {end.family for end in (local, peer) if end and end.family}
    if len(known) > 1:
        raise Misread(place, "`local` and `peer` are of different address families")
    if family and known - {family}:
        raise Misread(place, f"`local` or `peer` is not {af}")
    if local is None and peer is None:
        if len(flows) > 1:
            raise Misread(place, "neither `local` nor `peer`, and more than one flow")
        local, peer = flows[0]
    if active and (peer is None or peer.is_network or (local and local.is_network)):
        raise Misread(place, "`active` wants `peer` to be an address, and `local`, too")
    if family is None:
        family = next((end.family for end in (local, peer) if end and end.family), None)
    return (family,) if family else tuple(Family)


def flows(place: Place, found: Iterable[tuple[Address, Address]]) -> None:
    """Both ends of each."""
    for source, destination in found:
        if None not in (source.family, destination.family) and source.family != destination.family:
            raise Misread(place, "the ends of a flow are of different address families")


def ike(clauses: Iterable[Clause], implicit: frozenset[str]) -> None:
    """All `ikesa` of a policy."""
    for clause in clauses:
        if "none" in clause.group:
            raise Misread(clause.place, "`group none` is nothing for ikesa")
        if clause.esn:
            raise Misread(clause.place, f"`{clause.esn[0]}` is nothing for ikesa")
        _authentication(clause, implicit)


def child(clauses: Iterable[Clause], implicit: frozenset[str]) -> None:
    """All `childsa` of a policy."""
    for clause in clauses:
        _authentication(clause, implicit)


def _authentication(clause: Clause, implicit: frozenset[str]) -> None:
    own = [word for word in clause.enc if word in implicit]
    if own and len(own) < len(clause.enc):
        raise Misread(
            clause.place, f"`{own[0]}` has integrity of its own, and others beside it not"
        )
    if own and clause.auth:
        raise Misread(clause.place, f"`{own[0]}` has integrity of its own, and `auth` stands there")
