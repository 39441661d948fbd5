# SPDX-License-Identifier: GPL-3.0-or-later
"""Proposals in any daemon's language -> suites and needs."""

from modprobe_ipsec.base.annotations import Collection, Iterable, Mapping
from modprobe_ipsec.catalog.model import Catalog, Family, KernelInterface, Protocol
from modprobe_ipsec.daemons.common.descriptor import Context, Daemon, Release
from modprobe_ipsec.daemons.common.errors import ProposalError, ProposalSyntaxError, show
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.needs.need import Choice, Need, Source, Suite, merge

# Suites of each reading that a message names.
_SHOWN = 3


def read(
    text: str, protocol: Protocol, context: Context
) -> tuple[tuple[Daemon, ...], tuple[Suite, ...]]:
    """Read the proposals of a command line as a whole: whose they are, and the suites they name.

    Without a daemon in `context` the text may be in any language. Where several daemons can read it
    they must agree, but for ESN: what any may negotiate counts. Raises ProposalError.
    """
    readings: dict[str, tuple[Suite, ...]] = {}
    failures: list[tuple[Daemon, ProposalSyntaxError]] = []
    for reader in (context.daemon,) if context.daemon else DAEMONS.values():
        try:
            readings[reader.name] = reader.suites(text, protocol, context)
        except ProposalSyntaxError as misread:
            failures.append((reader, misread))
    if not readings:
        raise _unreadable(text, failures)
    if len({frozenset(map(_without_esn, suites)) for suites in readings.values()}) > 1:
        raise _ambiguous(text, readings)
    suites = dict.fromkeys(suite for reading in readings.values() for suite in reading)
    return tuple(DAEMONS[name] for name in readings), tuple(suites)


def needs(
    suites: Iterable[Suite],
    families: Iterable[Family],
    source: Source,
    daemons: Collection[Daemon] = (),
) -> tuple[Need, ...]:
    """Each suite in each family, because of `source`, in the way that one of `daemons` asks for it.

    With several, or none, that is XFRM: of those that speak it there is always one.
    """
    ways = {daemon.interface for daemon in daemons}
    way = ways.pop() if len(ways) == 1 else KernelInterface.XFRM
    families = tuple(families)
    return tuple(
        Need(suite, family, (source,), interface=way) for suite in suites for family in families
    )


def default_needs(context: Context, releases: Mapping[str, Release]) -> tuple[Need, ...]:
    """What the context's daemon offers by itself: ESP. AH is offered only if configured.

    Where nothing tells which daemon it is, that is what each offers; but for those that speak
    PF_KEY, as af_key is only loaded for a daemon that is there.
    `releases` are those of the daemons, by name, as far as they are known.
    """
    found: list[Need] = []
    usual = (d for d in DAEMONS.values() if d.interface is KernelInterface.XFRM)
    for offering in (context.daemon,) if context.daemon else usual:
        release = releases.get(offering.name)
        suites = offering.default_suites(Protocol.ESP, context._replace(release=release))
        text = context.catalog.vocabularies[offering.name].default(Protocol.ESP, release)
        source = Source(f"{offering.title}'s default", text, offering.name)
        found += needs(suites, context.families, source, (offering,))
    return merge(found)


def ipcomp_needs(catalog: Catalog, families: Iterable[Family], source: Source) -> tuple[Need, ...]:
    """IPComp with DEFLATE, the only compression that a daemon negotiates."""
    deflate = Choice(catalog.transforms["DEFLATE"], 0)
    return needs((Suite(Protocol.COMP, deflate, None),), families, source)


def _unreadable(text: str, failures: list[tuple[Daemon, ProposalSyntaxError]]) -> ProposalError:
    """The error of the parser that understood more; a wrong word is looked for in all words."""
    # Who knows no words to put there has understood the token, and found it out of place. Of
    # equals, one whose daemon may be there although nothing tells.
    daemon, furthest = max(
        failures,
        key=lambda item: (
            item[1].position,
            not item[1].known,
            item[0].interface is KernelInterface.XFRM,
        ),
    )
    if not furthest.known or len(failures) == 1:
        return furthest.explain(text, daemon)
    known = [word for _, misread in failures for word in misread.known]
    misread = ProposalSyntaxError(furthest.problem, furthest.token, furthest.position, known)
    return misread.explain(text, None)


def _ambiguous(text: str, readings: Mapping[str, tuple[Suite, ...]]) -> ProposalError:
    means = "; ".join(
        f"{_list(suites)} to {DAEMONS[name].title}" for name, suites in readings.items()
    )
    return ProposalError(
        f"`{show(text)}` means {means}",
        f"say whose proposal it is: --daemon {' or --daemon '.join(readings)}",
        text=text,
        token=text,
    )


def _list(suites: Iterable[Suite]) -> str:
    """`AES_CBC_128 HMAC_SHA1_96, AES_CBC_128 without integrity and 3 more`."""
    labels = [_label(suite) for suite in dict.fromkeys(map(_without_esn, suites))]
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return ", ".join(labels[:_SHOWN]) + more


def _label(suite: Suite) -> str:
    _, _, names = suite.label.partition(" ")
    protected = suite.integrity or (suite.encryption and suite.encryption.transform.is_aead)
    return names if protected else f"{names} without integrity"


def _without_esn(suite: Suite) -> Suite:
    return suite._replace(esn=False)
