# SPDX-License-Identifier: GPL-3.0-or-later
"""strongSwan's ESP and AH proposals, as swanctl.conf and ipsec.conf have them.

source: src/libstrongswan/crypto/proposal/proposal.c, crypto/key_exchange.c,
        collections/enumerator.c; src/libcharon/plugins/vici/vici_config.c,
        plugins/stroke/stroke_config.c
"""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog, Protocol, Vocabulary, XfrmTable
from modprobe_ipsec.daemons.common.descriptor import Release
from modprobe_ipsec.daemons.common.errors import ProposalSyntaxError
from modprobe_ipsec.daemons.common.text import check_length, split
from modprobe_ipsec.daemons.strongswan import DAEMON
from modprobe_ipsec.needs.need import Choice, Suite

# The longest proposal that VICI takes, since 6.0.0 and before.
_VICI_LENGTH, _OLD_VICI_LENGTH = 2047, 511
_ESN = {"esn": True, "noesn": False}


class Proposal(Value):
    """One proposal: what it names of each kind, in order of preference."""

    protocol: Protocol
    encryption: tuple[Choice, ...]
    integrity: tuple[Choice, ...]
    # Keywords: key exchange is no affair of the kernel.
    key_exchange: tuple[str, ...]
    esn: tuple[bool, ...]

    def suites(self) -> Iterator[Suite]:
        """All that may be negotiated, the preferred first. No integrity: encryption only."""
        for cipher in self.encryption or (None,):
            for auth in self.integrity or (None,):
                for esn in self.esn:
                    yield Suite(self.protocol, cipher, auth, esn)


def read(
    text: str, protocol: Protocol, catalog: Catalog, *, swanctl: bool | None = None
) -> tuple[Suite, ...]:
    """Read a list of proposals: all suites that may be negotiated, the preferred first.

    `swanctl` says where it stands: True in swanctl.conf (`default` is an item), False in
    ipsec.conf (the defaults follow unless it ends with `!`), None on a command line, where
    both are understood and nothing follows. Raises ProposalError.
    """
    try:
        return parse(text, protocol, catalog, swanctl=swanctl)
    except ProposalSyntaxError as misread:
        raise misread.explain(text, DAEMON) from None


def parse(
    text: str,
    protocol: Protocol,
    catalog: Catalog,
    *,
    swanctl: bool | None = None,
    release: Release | None = None,
) -> tuple[Suite, ...]:
    """As `read`, but raises ProposalSyntaxError; the defaults are those of the release.

    Words of all releases are taken: ReleaseRules tells which ones one of them lacks.
    """
    check_length(text)
    strict = text.endswith("!") and swanctl is not True
    value = text[:-1] if strict else text
    proposals: list[Proposal] = []
    for position, item in split(value, ",") if swanctl is False else _tokens(value, ","):
        if item.lower() == "default" and swanctl is not False:
            proposals += _defaults(protocol, catalog, release)
        elif swanctl and len(item) > (most := longest(release)):
            raise ProposalSyntaxError(f"is longer than {most} characters", item, position)
        else:
            proposals.append(proposal(item, protocol, catalog, position))
    if not proposals:
        raise ProposalSyntaxError("stands where a proposal should be", "", 0)
    if swanctl is False and not strict:
        proposals += reversed(_defaults(protocol, catalog, release))
    return _suites(proposals)


def default(
    protocol: Protocol, catalog: Catalog, release: Release | None = None
) -> tuple[Suite, ...]:
    """What a child offers whose configuration says nothing."""
    return _suites(_defaults(protocol, catalog, release))


def proposal(text: str, protocol: Protocol, catalog: Catalog, start: int = 0) -> Proposal:
    """Read one proposal, which begins at character `start` of the whole.

    Raises ProposalSyntaxError.
    """
    choices: list[tuple[int, str, Choice]] = []
    key_exchange: list[str] = []
    esn: list[bool] = []
    tokens = list(_tokens(text, "-", start))
    vocabulary = catalog.vocabularies[DAEMON.name]
    if not tokens:
        raise ProposalSyntaxError("stands where a proposal should be", "", start)
    for position, word in tokens:
        if found := vocabulary.words.get(word):
            choices.append((position, word, Choice(found.transform, found.key_bits)))
        elif word in _ESN:
            esn.append(_ESN[word])
        elif is_key_exchange(word, vocabulary):
            key_exchange.append(word)
        elif word not in vocabulary.prf:
            raise ProposalSyntaxError("is not recognized", word, position, known(catalog))
    if protocol is Protocol.ESP:
        ciphers, integrity = _esp(choices, text, start)
    else:
        ciphers, integrity = [], _ah(choices, text, start, catalog)
    return Proposal(
        protocol,
        encryption=tuple(dict.fromkeys(ciphers)),
        integrity=tuple(dict.fromkeys(integrity)),
        key_exchange=tuple(dict.fromkeys(key_exchange)),
        esn=tuple(dict.fromkeys(esn)) or (False,),
    )


def longest(release: Release | None) -> int:
    """How many characters of a proposal in swanctl.conf charon takes."""
    return _VICI_LENGTH if release is None or release >= (6, 0) else _OLD_VICI_LENGTH


def known(catalog: Catalog) -> list[str]:
    """All keywords."""
    found = catalog.vocabularies[DAEMON.name]
    return [*found.words, *_ESN, *found.key_exchange, *found.prf]


def _esp(
    choices: list[tuple[int, str, Choice]], text: str, start: int
) -> tuple[list[Choice], list[Choice]]:
    """Ciphers or AEADs, but not both; integrity beside an AEAD is silently dropped."""
    ciphers = [entry for entry in choices if entry[2].transform.kind is not XfrmTable.AUTH]
    if not ciphers:
        raise ProposalSyntaxError("names no encryption, which ESP needs", text, start)
    aead = ciphers[0][2].transform.is_aead
    for position, word, choice in ciphers:
        if choice.transform.is_aead is not aead:
            problem = f"and `{ciphers[0][1]}` cannot be combined: one is an AEAD; use `,`"
            raise ProposalSyntaxError(problem, word, position)
    integrity = [choice for _, _, choice in choices if choice.transform.kind is XfrmTable.AUTH]
    return [choice for _, _, choice in ciphers], [] if aead else integrity


def _ah(
    choices: list[tuple[int, str, Choice]], text: str, start: int, catalog: Catalog
) -> list[Choice]:
    """Integrity, which AES-GMAC also is here; encryption is silently dropped."""
    integrity = []
    for _, _, choice in choices:
        if choice.transform.name == "NULL_AES_GMAC":
            gmac = catalog.transforms[f"AES_{choice.key_bits}_GMAC"]
            integrity.append(Choice(gmac, choice.key_bits))
        elif choice.transform.kind is XfrmTable.AUTH:
            integrity.append(choice)
    if not integrity:
        raise ProposalSyntaxError("names no integrity, which AH needs", text, start)
    return integrity


def is_key_exchange(word: str, vocabulary: Vocabulary) -> bool:
    """A method, or `ke1_METHOD` to `ke7_METHOD` for an additional one."""
    methods = vocabulary.key_exchange
    additional = word[:2].lower() == "ke" and word[2:3] in tuple("1234567") and word[3:4] == "_"
    return word in methods or (additional and word[4:] in methods)


def default_text(protocol: Protocol, catalog: Catalog, release: Release | None) -> str:
    """The default proposals as one would write them."""
    return catalog.vocabularies[DAEMON.name].default(protocol, release)


def _defaults(protocol: Protocol, catalog: Catalog, release: Release | None) -> list[Proposal]:
    text = default_text(protocol, catalog, release)
    return [proposal(item, protocol, catalog) for _, item in _tokens(text, ",")]


def _suites(proposals: list[Proposal]) -> tuple[Suite, ...]:
    return tuple(dict.fromkeys(suite for item in proposals for suite in item.suites()))


def _tokens(text: str, separator: str, start: int = 0) -> Iterator[tuple[int, str]]:
    """Split as strongSwan's token enumerator does, with the place of each token.

    Empty ones are skipped and spaces trimmed; what stands in quotes stays as it is.
    """
    at = 0
    while at < len(text):
        if text[at] in (" ", separator):
            at += 1
            continue
        end = text.find(text[at], at + 1) if text[at] in "\"'" else -1
        if end >= 0:
            yield start + at + 1, text[at + 1 : end]
        else:
            end = text.find(separator, at)
            end = len(text) if end < 0 else end
            yield start + at, text[at:end].rstrip(" ")
        at = end + 1
