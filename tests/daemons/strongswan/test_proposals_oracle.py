# SPDX-License-Identifier: GPL-3.0-or-later
"""Proposals as charon itself reads them, in three releases: which it takes, and what they mean.

Since 6.0.7 it lists the algorithms of each.
"""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random

import pytest

from modprobe_ipsec.catalog.model import Family
from tests.daemons import corpus
from tests.daemons.common import CATALOG
from tests.debs import OracleError

from .charon import SUITES, Charon
from .common import read

pytestmark = pytest.mark.oracle

GENERATED = 300
LISTS_PROPOSALS = (6, 0, 7)
# Its names and ours: it says CBC of every cipher, and some lengths where there is no other.
SAME = (("_CBC", ""), ("CHACHA20_POLY1305_256", "CHACHA20_POLY1305"), ("CAST_128", "CAST"))
# As swanctl and charon take values at most.
LONG = "aes128-sha256-" + "-".join(["modp2048"] * 60)

LISTED = re.compile(
    r"^list-conn event \{(\w+) .*? children \{c \{.*? (esp_proposals \{.*?\}) local-ts",
    re.MULTILINE,
)


def proposals() -> list[str]:
    """Each word of any release, with and without others; and made up ones."""
    vocabulary = CATALOG.vocabularies["strongswan"]
    random = Random("charon")  # noqa: S311
    words = [*vocabulary.words, *sorted(vocabulary.key_exchange), *sorted(vocabulary.prf)]
    words += ["esn", "noesn", "esn-noesn", "ke1_mlkem768", "KE2_none", "ke8_none", "rot13"]
    each = [text for word in words for text in (word, f"aes128-sha256-{word}", f"{word}-sha1")]
    made_up = [corpus.strongswan(random) for _ in range(GENERATED)]
    return list(dict.fromkeys((*each, *made_up, LONG)))


PROPOSALS = proposals()


def config() -> str:
    """A connection for each, as ESP and as AH."""
    child = " {}{} {{\n children {{\n c {{\n {}_proposals = {}\n }}\n }}\n }}\n"
    conns = [
        child.format(protocol, number, protocol, text)
        for number, text in enumerate(PROPOSALS)
        for protocol in ("esp", "ah")
    ]
    return f"connections {{\n{''.join(conns)}}}\n"


@pytest.fixture(scope="module", params=SUITES)
def charon(request: pytest.FixtureRequest) -> Charon:
    try:
        return Charon(request.param)
    except OracleError as error:
        pytest.fail(str(error))


def text(name: str) -> str:
    return f"{name}: {PROPOSALS[int(name.lstrip('espah'))]}"


def test_every_proposal(charon: Charon, tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text(config())
    loaded, said = charon.swanctl(tmp_path, ["a.conf"])["a.conf"]
    ours = mine(charon)
    assert len(loaded) > len(PROPOSALS)
    assert [text(name) for name in loaded if name not in ours] == []
    assert [text(name) for name in ours if name not in loaded] == []
    if charon.release < LISTS_PROPOSALS:
        return
    theirs = dict(listed(said))
    assert theirs.keys() == ours.keys()
    assert [
        f"{text(name)}: {theirs[name]}, not {ours[name]}"
        for name in ours
        if theirs[name] != ours[name]
    ] == []


def mine(charon: Charon) -> dict[str, list[str]]:
    """By connection, the suites that we read, in order."""
    found: dict[str, list[str]] = {}
    for need in read(config(), families=(Family.IPV4,), release=charon.release).needs:
        suite = need.suite
        parts = [part.label for part in (suite.encryption, suite.integrity) if part]
        label = same(" ".join([*parts, *(["ESN"] * suite.esn)]))
        for source in need.sources:
            found.setdefault(source.where.split(" ")[1], []).append(label)
    return {name: sorted(labels) for name, labels in found.items()}


def same(label: str) -> str:
    for theirs, ours in SAME:
        label = label.replace(theirs, ours)
    return label


def listed(said: str) -> Iterator[tuple[str, list[str]]]:
    """The same of `swanctl --list-conns --raw`."""
    for name, protocols in LISTED.findall(said):
        labels: dict[str, None] = {}
        for one in re.findall(r"\d+ \{(.*?)\}", protocols):
            kinds = {kind: names.split() for kind, names in re.findall(r"(\w+)=\[(.*?)\]", one)}
            every = (kinds.get(kind, [""]) for kind in ("encr", "integ", "sn"))
            for encr, integ, sn in product(*every):
                esn = "ESN" if sn == "EXT_SEQ" else ""
                labels[same(" ".join(filter(None, (encr, integ, esn))))] = None
        yield name, sorted(labels)
