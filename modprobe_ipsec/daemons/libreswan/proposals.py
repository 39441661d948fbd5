# SPDX-License-Identifier: GPL-3.0-or-later
"""libreswan's `esp=` and `ah=`: the grammar of 4.6 to 5.3, and that of 5.4.

source: lib/libswan/{proposals,v1_proposals,v2_proposals,esp_info,ah_info}.c
"""

from modprobe_ipsec.base.annotations import Callable, Iterator, TypeVar
from modprobe_ipsec.catalog.model import Catalog, Protocol, Transform
from modprobe_ipsec.daemons.common.descriptor import NEWEST, Release
from modprobe_ipsec.daemons.common.errors import ProposalSyntaxError
from modprobe_ipsec.daemons.common.text import check_length, split
from modprobe_ipsec.daemons.libreswan import DAEMON
from modprobe_ipsec.daemons.libreswan.words import NO_KEY_EXCHANGE, Token, Words
from modprobe_ipsec.needs.need import Choice, Suite

# What pluto does with IKEv2 unless `esn=` says otherwise: either may be negotiated.
EITHER = (False, True)

# ASCII only: str.isdigit and int take many more.
_DIGITS = "0123456789"
# What a cipher without integrity gets by version of IKE; before 4.15 IKEv1 had only sha1.
_INTEGRITY = {1: ("sha1", "sha2_512", "sha2_256"), 2: ("sha2_512", "sha2_256")}
_ADDITIONAL_KE = tuple(f"addke{number}" for number in range(1, 8))
# Types of transforms in the row that 5.4 goes through.
_TYPES = ("encrypt", "prf", "integ", "ke", "sn", *_ADDITIONAL_KE)

_T = TypeVar("_T")


def read(
    text: str,
    protocol: Protocol,
    catalog: Catalog,
    *,
    ike: int = 2,
    fips: bool = False,
    pfs: bool | None = None,
    esn: tuple[bool, ...] = EITHER,
    version: Release = NEWEST,
) -> tuple[Suite, ...]:
    """Read the value of `esp=` or `ah=`: all suites that may be negotiated, the preferred first.

    `ike` is the version of IKE (1 or 2), `pfs` the value of `pfs=` (None: not known, so that
    either must do), `esn` what the conn's `esn=` allows. IKEv1 never has ESN.
    Raises ProposalError.
    """
    try:
        return parse(text, protocol, catalog, ike=ike, fips=fips, pfs=pfs, esn=esn, version=version)
    except ProposalSyntaxError as misread:
        raise misread.explain(text, DAEMON) from None


def parse(
    text: str,
    protocol: Protocol,
    catalog: Catalog,
    *,
    ike: int = 2,
    fips: bool = False,
    pfs: bool | None = None,
    esn: tuple[bool, ...] = EITHER,
    version: Release = NEWEST,
) -> tuple[Suite, ...]:
    """As `read`, but raises ProposalSyntaxError."""
    check_length(text)
    words = Words(protocol, catalog, ike, fips, version)
    proposals = [_Parser(words, *alternative).proposal() for alternative in split(text, ",")]
    if pfs:
        _check_pfs([proposal for proposal in proposals if not proposal.impaired])
    esn = esn if ike == 2 else (False,)
    suites = (suite for proposal in proposals for suite in proposal.suites(words, esn))
    return tuple(dict.fromkeys(suites))


def default(
    protocol: Protocol,
    catalog: Catalog,
    *,
    fips: bool = False,
    esn: tuple[bool, ...] = EITHER,
    version: Release | None = None,
) -> tuple[Suite, ...]:
    """What an IKEv2 conn offers that says nothing. What FIPS mode lacks is silently left out."""
    suites: list[Suite] = []
    text = catalog.vocabularies[DAEMON.name].default(protocol, version)
    for _, alternative in split(text, ","):
        try:
            suites += parse(alternative, protocol, catalog, fips=fips, esn=esn)
        except ProposalSyntaxError:
            if not fips:
                raise
    return tuple(dict.fromkeys(suites))


class _Proposal:
    """What one alternative names, in order of preference, each with its place."""

    def __init__(self, first: Token, impaired: bool) -> None:
        self.first = first
        self.impaired = impaired
        # Key length 0: any of them.
        self.encryption: list[tuple[Token, Transform, int]] = []
        # None: without.
        self.integrity: list[tuple[Token, Transform | None]] = []
        self.key_exchange: list[tuple[Token, str]] = []
        self.esn: list[tuple[Token, bool]] = []

    def suites(self, words: Words, allowed: tuple[bool, ...]) -> Iterator[Suite]:
        """Multiply the lists out; an AEAD goes without integrity whatever the list says."""
        integrity = dict.fromkeys(self._integrity(words))
        narrowed = dict.fromkeys(either for _, either in self.esn) or dict.fromkeys(allowed)
        esn = [either for either in allowed if either in narrowed] or list(narrowed)
        for cipher in dict.fromkeys(self._ciphers()) or (None,):
            for auth in (None,) if cipher and cipher.transform.is_aead else integrity:
                for either in esn:
                    yield Suite(words.protocol, cipher, auth, either)

    def _ciphers(self) -> Iterator[Choice]:
        for _, transform, bits in self.encryption:
            # A responder takes any length where none is named.
            for key_bits in (bits,) if bits else transform.key_bits:
                yield Choice(transform, key_bits)

    def _integrity(self, words: Words) -> Iterator[Choice | None]:
        missing = () if self.integrity else _INTEGRITY[words.ike]
        named = [transform for _, transform in self.integrity]
        for transform in [*named, *(words.vocabulary.words[name].transform for name in missing)]:
            yield Choice(transform, transform.key_bits[0]) if transform else None


class _Parser:
    """Reads one alternative.

    proposal  = ciphers ["-" integrity] [("-" | ";") exchanges]     for ESP
              | integrity [("-" | ";") exchanges]                   for AH
    list      = item *("+" item)                                    IKEv1: one item

    Since 5.4 a list may have its type before it, and goes on with the next one of the row:

    proposal  = ["!"] list *(("-" | ";") list)
    list      = [type "="] item *("+" item)

    `!` overrules the checks.
    """

    def __init__(self, words: Words, start: int, text: str) -> None:
        impaired = words.typed and text.startswith("!")
        self._words = words
        self._what = words.protocol.upper()
        self._esp = words.protocol is Protocol.ESP
        self._tokens = _tokenize(text[impaired:], start + impaired)
        self._next = 0
        self._result = _Proposal(self._tokens[0], impaired)

    def proposal(self) -> _Proposal:
        if self._words.typed:
            self._in_a_row()
        else:
            self._untyped()
        if rest := self._tokens[self._next :]:
            raise rest[0].error("is unexpected")
        if self._esp:
            self._check_esp()
        else:
            self._check_ah()
        return self._result

    def _untyped(self) -> None:
        if self._esp:
            self._list(self._cipher, self._result.encryption)
        if self._at("-") or not self._esp:
            self._list(self._integrity, self._result.integrity)
        if self._at("-") or self._at(";"):
            self._list(self._key_exchange, self._result.key_exchange)

    def _in_a_row(self) -> None:
        """source: parse_proposal() of 5.4"""
        row = list(_TYPES)
        place = 0
        while self._next < len(self._tokens):
            following = self._tokens[self._next + 1 : self._next + 2]
            if following and following[0].before == "=":
                kind = self._take()
                if kind.name not in row:
                    raise self._no_type(kind)
                place = row.index(kind.name)
                self._typed(kind)
            elif place > row.index("ke"):
                raise self._peek().error("is unexpected")
            elif self._at(";"):
                place = row.index("ke")
                self._list(self._key_exchange, self._result.key_exchange)
            elif row[place] == "prf":
                if self._result.impaired and self._peek().name in ("none", "null"):
                    raise self._peek().error("stands where `!` makes libreswan look for a PRF")
            elif row[place] == "encrypt":
                if self._esp:
                    self._list(self._cipher, self._result.encryption)
                elif self._result.impaired:
                    raise self._peek().error("stands where `!` makes libreswan look for a cipher")
            elif row[place] == "integ":
                self._list(self._integrity, self._result.integrity)
            else:
                self._list(self._key_exchange, self._result.key_exchange)
            place += 1

    def _typed(self, kind: Token) -> None:
        ikev2 = self._words.ike == 2
        if kind.name == "encrypt" and self._esp:
            self._list(self._cipher, self._result.encryption)
        elif kind.name == "integ":
            self._list(self._integrity, self._result.integrity)
        elif kind.name == "ke":
            self._list(self._key_exchange, self._result.key_exchange)
        elif kind.name == "sn" and ikev2:
            self._list(self._sequence_number, self._result.esn)
        elif kind.name in _ADDITIONAL_KE and ikev2:
            self._list(self._key_exchange, [])
        else:
            raise self._no_type(kind)

    def _no_type(self, kind: Token) -> ProposalSyntaxError:
        return kind.error(f"is no type of transform for {self._what} and IKEv{self._words.ike}")

    def _list(self, item: Callable[[], _T], items: list[_T]) -> None:
        more = True
        while more:
            if items and self._words.ike == 1:
                raise self._peek().error("is one too many: IKEv1 takes one of a kind; use `,`")
            items.append(item())
            more = self._at("+")

    def _cipher(self) -> tuple[Token, Transform, int]:
        """A name with or without a key length; which of it is a length goes by this order."""
        token = self._take()
        if self._at("-") and self._peek().word.startswith(tuple(_DIGITS)):
            length = self._take()
            if length.word.strip(_DIGITS):
                raise length.error("starts like a key length and is no number")
            return self._keyed(token, token.name, length.word)
        name = token.name.rstrip(_DIGITS)
        if name == token.name or token.name in self._words.vocabulary.words:
            return token, self._words.encryption(token, token.name), 0
        return self._keyed(token, name.removesuffix("_"), token.name[len(name) :])

    def _keyed(self, token: Token, name: str, digits: str) -> tuple[Token, Transform, int]:
        transform, bits = self._words.encryption(token, name), int(digits)
        if len(transform.key_bits) == 1:
            raise token.error("takes no key length")
        if bits not in transform.key_bits:
            lengths = ", ".join(map(str, transform.key_bits))
            raise token.error(f"has no such key length, only {lengths}")
        return token, transform, bits

    def _integrity(self) -> tuple[Token, Transform | None]:
        token = self._take()
        none = token.name in ("none", "null")
        return token, None if none else self._words.integrity(token)

    def _key_exchange(self) -> tuple[Token, str]:
        token = self._take()
        return token, self._words.key_exchange(token)

    def _sequence_number(self) -> tuple[Token, bool]:
        token = self._take()
        if token.name not in ("yes", "no"):
            raise token.error("is neither yes nor no")
        return token, token.name == "yes"

    def _check_ah(self) -> None:
        """AH needs integrity; 5.4 fills in its own in IKEv2, where other lists stand alone."""
        without = [token for token, transform in self._result.integrity if not transform]
        filled = self._words.typed and self._words.ike == 2
        if without or not (self._result.integrity or filled):
            raise (without or self._tokens)[0].error("leaves AH without integrity")

    def _check_esp(self) -> None:
        """An AEAD stands alone, any other cipher must have some integrity."""
        if not self._result.encryption:
            raise self._result.first.error("leaves ESP without encryption")
        token, first, _ = self._result.encryption[0]
        if self._result.impaired:
            return
        for other, transform, _ in self._result.encryption:
            if transform.is_aead is not first.is_aead:
                problem = f"and `{token.word}` cannot be combined: one is an AEAD; use `,`"
                raise other.error(problem)
        named = self._result.integrity
        wrong = [other for other, transform in named if bool(transform) is first.is_aead]
        if first.is_aead and wrong:
            raise wrong[0].error(f"is integrity, which the AEAD `{token.word}` has of its own")
        if named and len(wrong) == len(named):
            raise wrong[0].error(f"leaves `{token.word}` without integrity")

    def _at(self, before: str) -> bool:
        return self._next < len(self._tokens) and self._peek().before == before

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        self._next += 1
        return self._tokens[self._next - 1]


def _tokenize(text: str, start: int) -> list[Token]:
    """Split at each delimiter. White space is part of the words."""
    tokens, begin, before = [], 0, ""
    for end, char in enumerate(text + ";"):
        if char in "-;+=":
            tokens.append(Token(before, text[begin:end], start + begin))
            begin, before = end + 1, char
    return tokens


def _check_pfs(proposals: list[_Proposal]) -> None:
    """With `pfs=yes` all proposals name a key exchange, or none does, and the same one.

    Only the first of each proposal counts, and `none` agrees with all.
    """
    firsts = [proposal.key_exchange[0] for proposal in proposals if proposal.key_exchange]
    for proposal in proposals:
        if firsts and not proposal.key_exchange:
            other = firsts[0][0].word
            problem = f"goes without key exchange, another proposal with `{other}`, for pfs=yes"
            raise proposal.first.error(problem)
    methods = [first for first in firsts if first[1] != NO_KEY_EXCHANGE]
    for token, method in methods:
        if method != methods[0][1]:
            raise token.error(f"and `{methods[0][0].word}`: pfs=yes takes only one key exchange")
