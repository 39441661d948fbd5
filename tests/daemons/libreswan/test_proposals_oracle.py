# SPDX-License-Identifier: GPL-3.0-or-later
"""libreswan's own parser, of 4.10 and 5.2, reads what we read, and finds in it what we find."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from random import Random

import pytest

from modprobe_ipsec.catalog.model import Protocol
from modprobe_ipsec.daemons.common.errors import ProposalError
from modprobe_ipsec.daemons.libreswan.proposals import default, read
from modprobe_ipsec.needs.need import Choice, Suite
from tests.daemons import corpus
from tests.daemons.common import AH, CATALOG, ESP
from tests.debs import OracleError

from .algparse import SUITES, Algparse
from .test_proposals import (
    AH_IKEV2,
    ESP_IKEV1,
    ESP_IKEV2,
    FIPS_REFUSED,
    FIPS_TAKEN,
    PFS_REFUSED,
    PFS_TAKEN,
)

pytestmark = pytest.mark.oracle

GENERATED = 2000
SOURCES = (corpus.libreswan, corpus.single, corpus.ah, corpus.mutated)
# Where algparse's names are not those of IANA.
NAMES = {
    "3DES_CBC": "3DES",
    "NULL_AUTH_AES_GMAC": "NULL_AES_GMAC",
    "HMAC_SHA2_256_TRUNCBUG": "HMAC_SHA2_256_96",
}


@dataclass(frozen=True)
class Mode:
    """How a proposal is read."""

    ike: int
    pfs: bool
    fips: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        return (
            f"--ikev{self.ike}",
            f"--pfs={'yes' if self.pfs else 'no'}",
            f"--fips={'yes' if self.fips else 'no'}",
        )

    def __str__(self) -> str:
        return " ".join(self.flags)


MODES = [Mode(ike, pfs, fips) for ike in (1, 2) for pfs in (False, True) for fips in (False, True)]


@pytest.fixture(scope="module", params=SUITES, ids=lambda suite: f"libreswan {SUITES[suite]}")
def algparse(request: pytest.FixtureRequest) -> Algparse:
    try:
        return Algparse(request.param)
    except OracleError as error:
        pytest.fail(str(error))


# -- what it prints, as suites ---------------------------------------------------------------------


def expand(lines: Iterable[str], protocol: Protocol) -> list[Suite]:
    """`AES_CBC_128+AES_CBC-HMAC_SHA1_96+NONE-MODP2048` -> suites without ESN."""
    suites: dict[Suite, None] = {}
    for line in lines:
        parts = [part.split("+") for part in line.split("-")]
        ciphers = [c for name in parts.pop(0) for c in choices(name)] if protocol is ESP else [None]
        for cipher in ciphers:
            for name in parts[0]:
                (auth,) = choices(name) if name != "NONE" else (None,)
                suites[Suite(protocol, cipher, auth)] = None
    return list(suites)


def choices(name: str) -> list[Choice]:
    """`AES_CBC_128` -> that; `AES_CBC` -> each key length."""
    for known, bits in ((name, ""), name.rpartition("_")[::2]):
        transform = CATALOG.transforms.get(NAMES.get(known, known))
        if transform:
            lengths = (int(bits),) if bits else transform.key_bits
            return [Choice(transform, key_bits) for key_bits in lengths]
    raise AssertionError(f"the map has no {name}")


# -- known differences: our grammar is the union of the releases -----------------------------------

Condition = Callable[[str, Mode], bool]


def words(text: str) -> set[str]:
    for delimiter in "-;+=,":
        text = text.replace(delimiter, " ")
    return set(text.lower().split(" "))


def has(names: set[str], text: str, _: Mode) -> bool:
    return bool(names & words(text))


# We take what this release refuses: why, and when.
MORE: dict[str, Condition] = {
    "ML-KEM came after 5.2": lambda text, mode: "mlkem" in text.replace("_", "").lower(),
    "dh23 and dh24 are there if built with ALL_ALGS": partial(has, {"dh23", "dh24"}),
}  # fmt: skip


def same(version: str, mode: Mode, mine: list[Suite], theirs: list[Suite]) -> bool:
    """The same suites in the same order of preference; IKEv1 has two peculiarities."""
    if mode.ike == 2:
        return mine == theirs
    if version == "4.10" and mine != theirs:
        # before 4.15 only SHA1 where no integrity is named, see `_INTEGRITY`
        mine = [s for s in mine if not s.integrity or s.integrity.transform.name == "HMAC_SHA1_96"]
    # where no integrity is named there is a proposal for each, so any key length comes before it
    return set(mine) == set(theirs)


# -- the comparison --------------------------------------------------------------------------------


def ours(release: str, text: str, mode: Mode) -> list[Suite] | None:
    protocol, _, proposal = text.partition("=")
    version = tuple(map(int, release.split(".")))
    reader = partial(
        read, ike=mode.ike, pfs=mode.pfs, fips=mode.fips, esn=(False,), version=version
    )
    try:
        return list(reader(proposal, Protocol(protocol), CATALOG))
    except ProposalError:
        return None


@dataclass
class Tally:
    """What a comparison found."""

    taken: int = 0
    refused: int = 0
    explained: int = 0


def compare(algparse: Algparse, texts: Iterable[str], mode: Mode) -> Tally:
    """Ask both about each text; all that no row of `MORE` explains is a failure."""
    tally, wrong = Tally(), []
    for text, lines in algparse.read(texts, *mode.flags).items():
        protocol, _, proposal = text.partition("=")
        mine = ours(algparse.version, text, mode)
        theirs = None if lines is None else expand(lines, Protocol(protocol))
        reason = next((why for why, applies in MORE.items() if applies(proposal, mode)), "")
        if mine is None and theirs is None:
            tally.refused += 1
        elif mine and theirs and same(algparse.version, mode, mine, theirs):
            tally.taken += 1
        elif theirs is None and reason:
            tally.explained += 1
        else:
            wrong.append(f"{text!r}: {lines} but we have {mine and [s.label for s in mine]}")
    assert not wrong, f"{mode}, {len(wrong)} differences: " + "\n".join(wrong[:20])
    return tally


def printable(texts: Iterable[str]) -> list[str]:
    """An argument ends at NUL, and what algparse prints has its lines."""
    return [text for text in dict.fromkeys(texts) if text.isprintable() and len(text) < 2000]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_the_tables_of_the_unit_tests(algparse: Algparse, mode: Mode) -> None:
    """Each case in each mode, whatever mode it was written for."""
    esp = (*ESP_IKEV2, *ESP_IKEV1, *PFS_REFUSED, *PFS_TAKEN, *FIPS_REFUSED, *FIPS_TAKEN)
    texts = [f"esp={text}" for text in esp]
    tally = compare(algparse, printable([*texts, *(f"ah={text}" for text in AH_IKEV2)]), mode)
    assert tally.taken > 20
    assert tally.refused > 60


def generated(seed: str) -> list[str]:
    """Well formed ones and others."""
    random = Random(seed)  # noqa: S311
    found: dict[str, None] = {}
    while len(found) < GENERATED:
        source = random.choice(SOURCES)
        text = ("ah=" if source is corpus.ah else "esp=") + source(random)
        found |= dict.fromkeys(printable([text]))
    return list(found)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_generated(algparse: Algparse, mode: Mode) -> None:
    tally = compare(algparse, generated(str(mode)), mode)
    assert tally.taken > GENERATED / 20
    assert tally.refused > GENERATED / 20
    assert tally.explained < GENERATED / 5


@pytest.mark.parametrize("fips", [False, True])
def test_defaults(algparse: Algparse, fips: bool) -> None:
    lines = algparse.read(["esp", "ah"], *Mode(2, pfs=False, fips=fips).flags)
    for protocol in (ESP, AH):
        theirs = expand(lines[protocol] or [], protocol)
        mine = list(default(protocol, CATALOG, fips=fips, esn=(False,)))
        if algparse.version == "4.10":
            # 5.0 added ChaCha20-Poly1305 to ESP and dropped SHA1 from AH
            mine = [s for s in mine if "CHACHA20" not in s.label]
            theirs = [s for s in theirs if s.integrity is None or "SHA1" not in s.label]
        assert mine == theirs
