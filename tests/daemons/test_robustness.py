# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the text, there are suites or there is a ProposalError: 100,000 examples."""

import itertools
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modprobe_ipsec.catalog.model import Protocol
from modprobe_ipsec.daemons import proposals
from modprobe_ipsec.daemons.common.errors import ProposalError
from modprobe_ipsec.daemons.libreswan import proposals as libreswan
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.daemons.strongswan import proposals as strongswan
from modprobe_ipsec.needs.need import Suite

from . import corpus
from .common import AH, CATALOG, CONTEXT, ESP

Reader = Callable[[str, Protocol], tuple[Suite, ...]]

READERS: dict[str, Reader] = {
    "libreswan": lambda text, protocol: libreswan.read(text, protocol, CATALOG),
    "libreswan, IKEv1": lambda text, protocol: libreswan.read(text, protocol, CATALOG, ike=1),
    "libreswan, FIPS and PFS": lambda text, protocol: libreswan.read(
        text, protocol, CATALOG, fips=True, pfs=True
    ),
    "strongSwan": lambda text, protocol: strongswan.read(text, protocol, CATALOG),
    "swanctl": lambda text, protocol: strongswan.read(text, protocol, CATALOG, swanctl=True),
    "ipsec.conf": lambda text, protocol: strongswan.read(text, protocol, CATALOG, swanctl=False),
    "either": lambda text, protocol: proposals.read(text, protocol, CONTEXT)[1],
}
SOURCES = (corpus.libreswan, corpus.ah, corpus.strongswan, corpus.mutated, corpus.noise)
SEEDED = 14_000
SHRINKABLE = 300


def check(reader: Reader, text: str, protocol: Protocol) -> bool:
    """Read it, and see that either answer makes sense. Whether it could be read."""
    try:
        suites = reader(text, protocol)
    except ProposalError as error:
        assert error.message.isprintable()
        assert len(error.message) < 1000
        assert error.text == text
        # the token is where it is said to be; white space around strongSwan's does not count
        assert text[error.position :].startswith(error.token)
        return False
    assert suites
    assert len(set(suites)) == len(suites)
    for suite in suites:
        assert suite.protocol is protocol
        assert (suite.encryption is None) == (protocol is AH)
        assert (suite.integrity is not None) or protocol is ESP
        for choice in (suite.encryption, suite.integrity):
            if choice:
                assert protocol in choice.transform.protocols
                assert choice.key_bits in choice.transform.key_bits
        if suite.encryption and suite.encryption.transform.is_aead:
            assert suite.integrity is None
    return True


@pytest.mark.fuzz
@pytest.mark.parametrize("name", READERS)
def test_seeded(name: str, rounds: Callable[[int], int]) -> None:
    count = rounds(SEEDED)
    random = Random(name)  # noqa: S311
    sources = itertools.cycle(SOURCES)
    read = 0
    for source in itertools.islice(sources, count):
        protocol = AH if source is corpus.ah or random.random() < 0.2 else ESP
        read += check(READERS[name], source(random), protocol)
    # both answers are really exercised
    assert count * 0.1 < read < count * 0.9


words = st.sampled_from(
    [*corpus.ODD, *corpus.STRONGSWAN_WORDS, *corpus.LIBRESWAN_CIPHERS, *corpus.LIBRESWAN_INTEGRITY]
)
texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(words, st.text(max_size=3)), max_size=12).map("".join),
    st.integers(0, 1 << 32).map(lambda seed: corpus.mutated(Random(seed))),  # noqa: S311
)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=SHRINKABLE, deadline=None)
@given(text=texts, protocol=st.sampled_from([ESP, AH]))
def test_shrinkable(name: str, text: str, protocol: Protocol) -> None:
    check(READERS[name], text, protocol)


@settings(max_examples=SHRINKABLE, deadline=None)
@given(text=texts, protocol=st.sampled_from([ESP, AH]))
def test_without_a_daemon_nothing_is_lost(text: str, protocol: Protocol) -> None:
    """What one of them reads is that, unless the other reads something else."""
    alone: dict[str, tuple[Suite, ...]] = {}
    for daemon in DAEMONS.values():
        try:
            alone[daemon.name] = proposals.read(text, protocol, CONTEXT._replace(daemon=daemon))[1]
        except ProposalError:
            continue
    try:
        daemons, suites = proposals.read(text, protocol, CONTEXT)
    except ProposalError as error:
        assert len(alone) != 1
        assert ("--daemon" in error.hint) == bool(alone)
    else:
        assert [daemon.name for daemon in daemons] == list(alone)
        assert set(suites) == {suite for reading in alone.values() for suite in reading}


def test_enough() -> None:
    assert len(READERS) * (SEEDED + SHRINKABLE) >= 100_000
