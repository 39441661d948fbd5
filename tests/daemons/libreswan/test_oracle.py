# SPDX-License-Identifier: GPL-3.0-or-later
"""libreswan's own readers, of 4.10 and 5.2, find the connections and values that we find.

Where they refuse a whole file we report why and go on; that is the difference that is meant. The
others:
- 5.2 does not say whether a duplicate number or word cost the connection (5.2 prints the same for
  equal and different ones), so that only texts are compared there;
- A line that ends with a carriage return is an error to us at once; to libreswan it makes a value
  that no option has.
- 4.10 does not take a comment with a `=` behind an include (the generator makes none), and crashes
  for an `x-comment=` and some errors in %default.
- Options and values of other releases are taken; an option that no release has is a problem.
- 5.2 prints no values of numbers and words, and of some words nothing at all; of the others it is
  compared which ones are set.
"""

import re
from collections.abc import Iterable, Mapping
from random import Random

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.daemons.libreswan.also import Conn
from modprobe_ipsec.daemons.libreswan.conf import Config, load
from tests.debs import OracleError

from . import generate
from .common import CONF, OPTIONS, Texts
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
        config = load(CONF, Texts(texts), OPTIONS, oracle.version)
    except ConfigError:
        if dump.conns is not None:
            yield "is refused by us alone"
        return
    broken = [
        conn
        for conn in config.conns
        if conn.lost and not conn.lost.readable and "carriage return" not in conn.lost.why
    ]
    if dump.conns is None:
        if not broken and not config.problems and not _other_release(oracle, dump.messages):
            yield f"is refused by libreswan alone: {dump.messages}"
        return
    if broken:
        yield f"conn {broken[0].name} is broken for us alone: {broken[0].lost}"
    yield from _conns(oracle, dump, dump.conns, config)


def _other_release(oracle: Readwriteconf, messages: str) -> bool:
    """Whether it was refused for an option or value that other releases have."""
    if oracle.version < (5, 0):
        # an x-comment= without a value; a value that is none
        if re.search(r"syntax error \[\n?\]|keyword \S+, invalid value", messages):
            return True
        unknown = re.search(r"syntax error \[(.*)\]", messages)
    else:
        unknown = re.search(r"unrecognized keyword '(.*)'", messages)
    return unknown is not None and unknown[1].lower() in {*OPTIONS.conn, *OPTIONS.setup}


def _conns(
    oracle: Readwriteconf, dump: Dump, theirs: list[Dumped], config: Config
) -> Iterable[str]:
    if [conn.name for conn in config.conns] != [conn.name for conn in theirs]:
        yield f"has other connections: {[conn.name for conn in theirs]}"
        return
    if oracle.version < (5, 0):
        lost = dump.lost()
    else:
        texts = {conn for conn, key in dump.duplicates() if OPTIONS.conn[key].kind == "text"}
        lost = texts | dump.missing()
    # two of the same name are not told apart
    ours = {
        conn.name for conn in config.conns if conn.lost and "carriage return" not in conn.lost.why
    }
    if unseen := lost - {conn.name for conn in config.conns if conn.lost}:
        yield f"{unseen} cannot be loaded, but by us: {dump.messages}"
    said = {conn for conn, _ in dump.duplicates()} | lost
    if ours - said or (oracle.version < (5, 0) and ours - lost):
        yield f"{ours - lost} are lost for us alone"
    for mine, dumped in zip(config.conns, theirs, strict=True):
        if mine.name not in ours and not mine.lost:
            yield from _values(oracle.version, mine, dumped)


def _values(version: tuple[int, int], mine: Conn, theirs: Dumped) -> Iterable[str]:
    for key in TEXTS:
        setting = mine.get(key)
        text, printed = setting.text if setting else None, theirs.settings.get(key)
        # quotes are put around what has blanks
        if text != printed and f'"{text}"' != printed and (text or printed):
            yield f"conn {mine.name}: {key}={printed}, not {text}"
    auto = OPTIONS.conn["auto"].words.get(theirs.settings.get("auto", ""))
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
