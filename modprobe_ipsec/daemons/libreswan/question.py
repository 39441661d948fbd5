# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides which SAs a connection of libreswan's may ask for, and which those are.

source: programs/pluto/{connections,kernel}.c of 5.2
"""

from modprobe_ipsec.base.annotations import Iterable, Iterator
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog, Family, Protocol
from modprobe_ipsec.daemons.common.errors import ProposalError, ProposalSyntaxError
from modprobe_ipsec.daemons.common.text import split
from modprobe_ipsec.daemons.libreswan import DAEMON
from modprobe_ipsec.daemons.libreswan import proposals as libreswan
from modprobe_ipsec.daemons.libreswan.options import LibreswanOptions, Release, Version, at
from modprobe_ipsec.daemons.libreswan.setting import Setting
from modprobe_ipsec.daemons.proposals import ipcomp_needs
from modprobe_ipsec.needs.need import Choice, Mode, Need, Source, Suite


class Common(Value):
    """What is the same for all connections."""

    catalog: Catalog
    options: LibreswanOptions
    release: Release
    # Whose build it is, as in `ikev1_dropped` of the map; empty where that is not known.
    vendor: str
    families: tuple[Family, ...]
    fips: bool

    @property
    def version(self) -> Version:
        """The release as numbers."""
        return self.release.version


class Refused(Exception):
    """pluto does not take a connection; where it says so, and why."""

    def __init__(self, why: str, setting: Setting | None = None) -> None:
        super().__init__(why)
        self.why, self.setting = why, setting


class Question(Value):
    """All that decides which SAs a connection may ask for."""

    # None: what libreswan offers by itself.
    text: str | None
    protocol: Protocol
    ike: int
    pfs: bool
    esn: tuple[bool, ...]
    mode: Mode
    compress: bool
    truncated: bool
    families: tuple[Family, ...]


class ConnNeeds(Value):
    """The SAs that a connection may ask for, or why it is refused."""

    needs: tuple[Need, ...]
    error: str


def answer_to(question: Question, common: Common, *, suggest: bool = True) -> ConnNeeds:
    """The SAs of a connection, or why pluto refuses it; `suggest`: look for a right word."""
    try:
        suites = _suites(question, common)
        if question.truncated:
            suites = _truncate(suites, common)
    except ProposalSyntaxError as misread:
        misread.known = misread.known if suggest else ()
        return ConnNeeds((), misread.told(DAEMON, common.catalog.vocabularies[DAEMON.name]))
    except ProposalError as error:
        # too long
        return ConnNeeds((), error.message)
    except Refused as refused:
        return ConnNeeds((), refused.why)
    # source: kernel.c, setup_half_kernel_state(): the outermost SA has the conn's mode
    mode = Mode.TRANSPORT if question.compress else question.mode
    modes = [mode]
    if question.compress or question.mode is Mode.IPTFS:
        # the peer may decline either, and then it is an SA as any other
        modes.append(Mode.TUNNEL if question.mode is Mode.IPTFS else question.mode)
    needs = [
        Need(suite, family, (), each)
        for each in dict.fromkeys(modes)
        for suite in suites
        for family in question.families
    ]
    if question.compress:
        compression = ipcomp_needs(common.catalog, question.families, Source(""))
        needs += [need._replace(sources=(), mode=question.mode) for need in compression]
    return ConnNeeds(tuple(needs), "")


def _suites(question: Question, common: Common) -> tuple[Suite, ...]:
    """Raises ProposalSyntaxError."""
    if question.text is not None:
        return tuple(dict.fromkeys(_parse(question, question.text, common)))
    found: dict[Suite, None] = {}
    for _, alternative in split(default_of(question.protocol, question.ike, common), ","):
        try:
            found |= dict.fromkeys(_parse(question, alternative, common))
        except ProposalSyntaxError:
            # what FIPS mode lacks is left out
            if not common.fips:
                raise
    return tuple(found)


def _parse(question: Question, text: str, common: Common) -> Iterator[Suite]:
    def parse(text: str) -> tuple[Suite, ...]:
        return libreswan.parse(
            text,
            question.protocol,
            common.catalog,
            ike=question.ike,
            fips=common.fips,
            pfs=question.pfs and question.text is not None,
            esn=question.esn,
            version=common.version,
        )

    everything = parse(text)
    if question.ike != 1 or common.version >= (4, 15) or question.protocol is not Protocol.ESP:
        yield from everything
        return
    for alternative in text.split(","):
        # before 4.15 only SHA1 where no integrity is named; where some is, this is none to parse
        cipher, semicolon, rest = alternative.partition(";")
        try:
            yield from parse(f"{cipher}-sha1{semicolon}{rest}")
        except ProposalSyntaxError:
            yield from parse(alternative)


def _truncate(suites: Iterable[Suite], common: Common) -> tuple[Suite, ...]:
    """sha2-truncbug=yes: SHA2-256 as some old peers cut it. source: kernel.c"""
    right, wrong = (
        common.catalog.transforms[name] for name in ("HMAC_SHA2_256_128", "HMAC_SHA2_256_96")
    )
    found: dict[Suite, None] = {}
    for suite in suites:
        if suite.integrity and suite.integrity.transform is right:
            if common.fips:
                raise Refused("sha2-truncbug=yes is not allowed in FIPS mode")
            suite = suite._replace(integrity=Choice(wrong, suite.integrity.key_bits))
        found[suite] = None
    return tuple(found)


def default_of(protocol: Protocol, ike: int, common: Common) -> str:
    """What libreswan offers by itself for a version of IKE."""
    if ike == 1:
        return at(common.options.ikev1_defaults[protocol], common.version)
    return common.catalog.vocabularies[DAEMON.name].default(protocol, common.version)
