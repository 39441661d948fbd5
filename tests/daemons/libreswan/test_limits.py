# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the files hold, there is a reading or a ConfigError, in little memory."""

import tracemalloc
from collections.abc import Callable, Mapping
from random import Random

import pytest

from modprobe_ipsec.base.budget import LIMITS, TooMuch
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.daemons.libreswan import needs as libreswan_needs
from modprobe_ipsec.needs.reading import Reading

from . import generate
from .big import make_config
from .common import BOTH, CATALOG, CONF, ENDS, OPTIONS, Texts, read
from .test_cases import CASES, files

MUTATED = 50_000
VERSIONS = (None, (4, 10), (5, 2), (5, 3))


def check(texts: Mapping[str, str], **options: object) -> Reading | None:
    """Read it, and see that the answer makes sense."""
    random = Random(str(options))  # noqa: S311
    try:
        reading = read(texts, version=random.choice(VERSIONS), fips=random.random() < 0.1)
    except ConfigError as error:
        assert error.exit_code == 78
        assert error.message.isprintable()
        assert len(error.message) < 1000
        return None
    lines = {path: text.count("\n") + 1 for path, text in texts.items()}
    for problem in reading.problems:
        assert problem.text.isprintable()
        assert len(problem.text) < 1000
        assert 0 < problem.place.line <= lines[problem.place.file]
    for silent in reading.silent:
        assert silent.why
    asked = [need.sources for need in reading.needs]
    for sources in (*asked, *(feature.sources for feature in reading.features)):
        assert sources
        assert len(set(sources)) == len(sources)
        for source in sources:
            assert source.where.isprintable()
            assert source.text.isprintable()
            assert source.daemon == "libreswan"
    assert len({(need.suite, need.family, need.mode) for need in reading.needs}) == len(
        reading.needs
    )
    return reading


@pytest.mark.fuzz
def test_mutated(rounds: Callable[[int], int]) -> None:
    count = rounds(MUTATED)
    random = Random("mutated")  # noqa: S311
    cases = [files(case) for case in CASES]
    read_at_all, refused = 0, 0
    for number in range(count):
        texts = generate.mutated(
            random, random.choice(cases) if number % 2 else generate.config(random)
        )
        reading = check(texts, number=number)
        read_at_all += reading is not None
        refused += reading is None
    # both answers are really exercised
    assert refused > count / 100
    assert read_at_all > count / 2


def hostile() -> dict[str, Mapping[str, str]]:
    conn = "conn a\n\tauto=add\n"
    base = "".join(f"\tx{number}=1\n" for number in range(5000))
    chain = "".join(f"conn c{n}\n\tauto=add\n\talso=c{n + 1}\n\tleftid=@{n}\n" for n in range(3000))
    return {
        "one long line": {CONF: conn + "\tesp=" + "a" * (8 << 20)},
        "one long key": {CONF: conn + "\t" + "a" * (8 << 20) + "=1"},
        "no equals sign": {CONF: conn + "\t" + "a" * (8 << 20)},
        "one long name": {CONF: "conn " + "a" * (8 << 20) + "\n\tauto=add\n\tesp=x\n"},
        "quotes": {CONF: conn + '\tesp="' + '{"' * (1 << 20)},
        "blanks": {CONF: conn + "\tesp" + " " * (4 << 20) + "x" + " " * (1 << 20)},
        "newlines": {CONF: conn + "\n" * (8 << 20)},
        "no configuration": {CONF: "#!/bin/sh\necho hello\n"},
        "lines of nothing": {CONF: conn + "x\n" * (1 << 20)},
        "options of nothing": {CONF: conn + "".join(f"\tk{n}=\n" for n in range(200_000))},
        "one option often": {CONF: conn + "\tpfs=yes\n\tpfs=no\n" * 100_000},
        "also often": {CONF: conn + "\talso=a\n" * 500_000},
        "also=a chain": {CONF: chain},
        "also=of all": {CONF: f"conn b\n{base}" + "conn a\n\tauto=add\n\talso=b\n" * 50_000},
        "connections": {CONF: "conn a\n" * 1_000_000},
        "binary": {CONF: "\x7fELF\0\0" + conn},
        "includes itself": {CONF: f"{conn}include {CONF}\n" * 100},
        "includes all": {
            f"/etc/ipsec.d/{n}.conf": conn + "include /etc/ipsec.d/*.conf\n" for n in range(40)
        }
        | {CONF: "include /etc/ipsec.d/*.conf\n"},
        "a million files": {f"/etc/ipsec.d/{n}.conf": "" for n in range(20_000)}
        | {CONF: "include /etc/ipsec.d/*.conf\n"},
        "many SAs": {
            CONF: "conn %default\n\tauto=add\n\tleft=%any\n"
            + "".join(
                f"conn c{n}\n\tesp=aes+aesctr+camellia+3des-sha1+sha2+sha2_512+md5;modp2048"
                f"{',aes_gcm' * (n % 300)}\n\treplay-window={n}\n"
                for n in range(20_000)
            )
        },
    }


HOSTILE = hostile()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    check(HOSTILE[name])


@pytest.mark.parametrize(
    ("texts", "part"),
    [
        ({CONF: "#!/bin/sh\necho hello\n"}, "is no ipsec.conf"),
        ({CONF: "conn a\n\0"}, "not a text"),
        ({CONF: "include /etc/x\n", "/etc/x": "\0"}, "/etc/x is no ipsec.conf"),
        ({CONF: "conn a\n" + "x\n" * 2000}, "lines cannot be read"),
        ({}, "no such file"),
    ],
)
def test_refused(texts: dict[str, str], part: str) -> None:
    with pytest.raises(ConfigError, match=part) as caught:
        read(texts)
    assert caught.value.exit_code == 78


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "config setup\n", "include /etc/*.x"])
def test_nothing_is_no_error(text: str) -> None:
    reading = read(text)
    assert not reading.silent
    assert [source.where for need in reading.needs for source in need.sources] == [
        "pluto's start-up probe"
    ]


def test_too_many_matches_cost_no_connection() -> None:
    texts = {f"/etc/ipsec.d/{n}.conf": "" for n in range(20)}
    texts[CONF] = f"include /etc/ipsec.d/*.conf\nconn a\n\tauto=add\n{ENDS}"
    reading = libreswan_needs.read(
        CONF,
        Texts(texts, limit=10),
        CATALOG,
        families=BOTH,
        version=(5, 4),
        fips=False,
        options=OPTIONS,
    )
    assert [problem.place.line for problem in reading.problems] == [1]
    assert len(reading.needs) > 1


def test_one_long_line_costs_one_connection() -> None:
    reading = read(
        "conn a\n\tauto=add\n\tesp=" + "a" * 5_000_000 + "\nconn b\n\tauto=add\n\tesp=aes_gcm256\n"
    )
    assert [problem.conn for problem in reading.problems] == ["a"]
    assert any("AES_GCM_16_256" in need.label for need in reading.needs)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("connections", "conn a\n" * 11),
        ("steps", "conn b\n\tpfs=yes\n" + "conn a\n\talso=b\n" * 10),
        ("steps", "conn a\n\tauto=add\n" * 10),
        ("includes", "include /etc/x\n" * 11),
        ("problems", "conn a\n" + "\tx=1\n\tpfs=yes\n\tpfs=no\n" * 11),
        ("characters", "#" * 11),
    ],
)
def test_the_budget_of_a_reading(monkeypatch: pytest.MonkeyPatch, what: str, text: str) -> None:
    monkeypatch.setitem(LIMITS, what, 10)
    with pytest.raises(TooMuch, match=f"more than 10 {what}"):
        read(text)


def test_ten_thousand_connections() -> None:
    texts = make_config(10_000, 20)
    assert len(texts) == 21
    tracemalloc.start()
    try:
        reading = read(texts, families=(Family.IPV4,))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 150 << 20
    named = {source.where for need in reading.needs for source in need.sources}
    assert len({where.partition(" conn ")[2] for where in named} - {""}) == 10_000
    assert not reading.problems
