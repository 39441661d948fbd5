# SPDX-License-Identifier: GPL-3.0-or-later
"""libreswan's own readers, of 4.10 and 5.2, find the connections and values that we find.

Which of them come to pluto is asked in test_start_oracle. Differences that are meant:
- 4.10 does not take a comment with a `=` behind an include (the generator makes none), and crashes
  for an `x-comment=` and some errors in %default.
- 5.2 prints no values of numbers and words, and of some words nothing at all; of the others it is
  compared which ones are set. Of a connection with an error it prints only a part.
"""

from collections.abc import Iterable, Mapping
from random import Random

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.daemons.libreswan.also import Conn
from tests.debs import OracleError

from . import generate
from .common import OPTIONS, Loaded, load
from .readwriteconf import VERSIONS, Crash, Dump, Dumped, Readwriteconf
from .test_cases import CASES, files

pytestmark = pytest.mark.oracle

GENERATED = 500
# As readwriteconf prints them; the second one is what nothing set means to 4.10.
TEXTS = ("esp", "ike", "modecfgbanner")
WORDS = {
    "pfs": "yes",
    "type": "tunnel",
    "compress": "no",
    "phase2": "esp",
    "esn": "either",
}
PRINTED_BY_5_2 = ("pfs", "compress")


@pytest.fixture(
    scope="module", params=VERSIONS, ids=lambda suite: "libreswan {}.{}".format(*VERSIONS[suite])
)
def oracle(request: pytest.FixtureRequest) -> Readwriteconf:
    try:
        return Readwriteconf(request.param)
    except OracleError as error:
        pytest.fail(str(error))


def differences(oracle: Readwriteconf, texts: Mapping[str, str]) -> Iterable[str]:
    """What it says, and we do not."""
    try:
        dump = oracle.read(texts)
    except Crash:
        # 4.10 does so for an `x-comment=` in %default, and for some errors there
        if not any("%default" in text for text in texts.values()):
            yield "makes libreswan crash"
        return
    try:
        config = load(texts, oracle.version)
    except ConfigError:
        if dump.conns is not None:
            yield "is refused by us alone"
        return
    refused = [problem for problem in config.problems if problem.refuses]
    if (dump.conns is None) is not bool(refused):
        yield f"is refused by one of us: {refused[:1]} {dump.messages}"
    elif dump.conns is not None:
        yield from _conns(oracle, dump, dump.conns, config)


def _conns(
    oracle: Readwriteconf, dump: Dump, theirs: list[Dumped], config: Loaded
) -> Iterable[str]:
    if [conn.name for conn in config.conns] != [conn.name for conn in theirs]:
        yield f"has other connections: {[conn.name for conn in theirs]}"
        return
    # of these it prints only a part
    failed = dump.lost() | {conn for conn, _ in dump.duplicates()} | dump.missing()
    for mine, dumped in zip(config.conns, theirs, strict=True):
        if mine.name not in failed and not mine.lost:
            yield from _values(oracle.version, mine, dumped)


def _values(version: tuple[int, int], mine: Conn, theirs: Dumped) -> Iterable[str]:
    for key in TEXTS:
        setting = mine.get(key)
        text, printed = setting.text if setting else None, theirs.settings.get(key)
        # quotes are put around what has blanks
        if text != printed and f'"{text}"' != printed and (text or printed):
            yield f"conn {mine.name}: {key}={printed}, not {text}"
    words = OPTIONS.at(version).conn["auto"].words
    auto = words.get(theirs.settings.get("auto", ""))
    if auto != mine.value("auto", "ignore"):
        yield f"conn {mine.name}: auto={auto}"
    if mine.value("type", "tunnel") not in ("tunnel", "transport"):
        return
    for key, default in WORDS.items():
        if version < (5, 0):
            if theirs.settings.get(key, default) != mine.value(key, default):
                yield f"conn {mine.name}: {key}={theirs.settings.get(key)}"
        elif key in PRINTED_BY_5_2 and (key in theirs.settings) != (mine.get(key) is not None):
            yield f"conn {mine.name}: {key} is set for one of us only"


def test_the_cases(oracle: Readwriteconf) -> None:
    wrong = [
        f"{case.stem}: {difference}"
        for case in CASES
        for difference in differences(oracle, files(case))
    ]
    assert not wrong, "\n".join(wrong)


def test_generated(oracle: Readwriteconf) -> None:
    random = Random("libreswan")  # noqa: S311
    wrong = []
    for number in range(GENERATED):
        texts = generate.config(random)
        wrong += [f"{number}: {found}\n{texts}" for found in differences(oracle, texts)]
    assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong[:10])
