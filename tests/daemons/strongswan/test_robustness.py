# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in the files, there is a reading or a ConfigError, soon: 50,000 examples."""

from collections.abc import Callable
from random import Random

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.daemons.strongswan import (
    daemon as strongswan_daemon,
)
from tests.daemons.mutation import mutated

from .big import make_config
from .common import IPSEC, OPTIONS, STRONGSWAN, SWANCTL, Texts, read
from .traps import IPSEC_REJECTED, IPSEC_TAKEN, SWANCTL_REJECTED, SWANCTL_TAKEN
from .trees import CASES, texts

MUTATED = 25_000
# Words and characters that mean something to one of the formats, or to Python.
ODD = ["{", "}", "{", "}", "=", ":", ",", ".", "#", '"', "'", "\\", "\n", "\r", "\t", " ", "!", "%",
       "include ", "include *\n", "include /etc/swanctl/swanctl.conf\n",
       "include /etc/ipsec.conf\n", "connections", "children", " : connections.a ", " : base { ",
       "conn ", "\nconn %default\n",
       "  also=a\n", "  also=", "also", "%default", "ca ", "config setup", "version", "default",
       "esp_proposals = ", "aes128gcm16", "mode = ", "transport", "9" * 5000, "-1", "0x", "%unique",
       "\0", "\x0b", "\x85", "\u0661", "\u00b2", "\udc80", "\U0001f600", "a" * 300]  # fmt: skip


def check(files: dict[str, str]) -> bool:
    """Whether it can be read."""
    try:
        reading = read(files)
    except ConfigError as error:
        assert error.message.isprintable()
        assert len(error.message) < 1000
        return False
    names = {need.label for need in reading.needs}
    assert len(names) == len(reading.needs)
    for need in reading.needs:
        assert need.sources
        assert len(set(need.sources)) == len(need.sources)
    for problem in reading.problems:
        assert problem.text.isprintable()
        assert problem.place.line >= 1
        assert problem.place.file in files
    for silent in reading.silent:
        assert silent.why
    return True


@pytest.mark.fuzz
@pytest.mark.parametrize("path", [SWANCTL, IPSEC])
def test_mutated(path: str, rounds: Callable[[int], int]) -> None:
    count = rounds(MUTATED)
    random = Random(path)  # noqa: S311
    ipsec, swanctl = IPSEC_TAKEN + IPSEC_REJECTED, SWANCTL_TAKEN + SWANCTL_REJECTED
    singles = swanctl if path == SWANCTL else ipsec
    found = [{path: text} for text in singles]
    found += [files for case in CASES if path in (files := texts(case))]
    taken = 0
    for _ in range(count):
        files = dict(random.choice(found))
        for victim in random.sample(sorted(files), random.choice((1, 1, len(files)))):
            files[victim] = mutated(random, files[victim], ODD)
        taken += check(files)
    # both answers are really exercised
    assert count * 0.1 < taken < count * 0.9


@pytest.mark.fuzz
def test_mutated_daemon(rounds: Callable[[int], int]) -> None:
    random = Random("daemon")  # noqa: S311
    found = [files for case in CASES if STRONGSWAN in (files := texts(case))]
    for _ in range(rounds(5000)):
        files = dict(random.choice(found))
        files[STRONGSWAN] = mutated(random, files[STRONGSWAN], ODD)
        try:
            strongswan_daemon.read(STRONGSWAN, Texts(files), options=OPTIONS)
        except ConfigError as error:
            assert error.message.isprintable()


def swanctl(text: str) -> dict[str, str]:
    return {SWANCTL: text}


def chain(length: int) -> str:
    """Sections that refer to one another in a row."""
    return "".join(f"s{number} : s{number + 1} {{ }}\n" for number in range(length))


HOSTILE: dict[str, Callable[[], dict[str, str]]] = {
    "braces": lambda: swanctl("a{" * 100_000),
    "closing braces": lambda: swanctl("}" * 100_000),
    "quotes": lambda: swanctl('a = "' + '" "' * 100_000),
    "open quote": lambda: swanctl('a = "' + "\\x" * 500_000),
    "spaces": lambda: swanctl("a" + " " * 1_000_000 + "b"),
    "newlines": lambda: swanctl("a" + "\n#\n" * 500_000 + "b"),
    "spaces after include": lambda: swanctl("include" + " " * 1_000_000),
    "references": lambda: swanctl("a : b" + ".b" * 300_000),
    "many references": lambda: swanctl("a : " + "b," * 300_000),
    "long chain": lambda: swanctl(chain(5000) + "connections : s0 { }"),
    "everything refers to everything": lambda: swanctl(
        "connections { "
        + "".join(
            f"c{i} : " + ",".join(f"connections.c{j}" for j in range(150)) + " { }\n"
            for i in range(150)
        )
        + "}"
    ),
    "a template with all children": lambda: swanctl(
        "connections {\n"
        + "".join(f"c{i} : t {{ }}\n" for i in range(3000))
        + "}\nt { children { "
        + "".join(f"c{i} {{ }}\n" for i in range(3000))
        + "} }"
    ),
    "a template with all settings": lambda: swanctl(
        "connections {\n"
        + "".join(f"c{i} : t {{ }}\n" for i in range(3000))
        + "}\nt { "
        + "".join(f"x{i} = 1\n" for i in range(3000))
        + "}"
    ),
    "entangled loops": lambda: swanctl(
        "connections : a.a.a, b.b.b { }\n"
        + "".join(f"{n} : a.a.a, b.b.b, c.c.c {{ {n} : a.a, b.b, c.c {{ }} }}\n" for n in "abc")
    ),
    "long proposals": lambda: swanctl(
        "connections { a { children { c { esp_proposals = " + "aes128," * 100_000 + "\n } } } }"
    ),
    "long address": lambda: swanctl(
        "connections { a { local_addrs = " + "1." * 200_000 + "\n children { c { } } } }"
    ),
    "long list": lambda: swanctl(
        "connections { a { local_addrs = " + "' ," * 200_000 + "\n children { c { } } } }"
    ),
    "long colons": lambda: swanctl(
        "connections { a { local_addrs = " + ":" * 500_000 + "x\n children { c { } } } }"
    ),
    "long number": lambda: swanctl(
        "connections { a { if_id_in = " + "1" * 500_000 + "\n children { c { } } } }"
    ),
    "long updown": lambda: swanctl(
        "connections { a { children { c { updown = " + "ipsec " * 100_000 + "\n } } } }"
    ),
    "binary": lambda: swanctl("\x7fELF\x02\x01\x01\0\0\0"),
    "includes itself": lambda: swanctl("include swanctl.conf\n"),
    "include loop": lambda: {SWANCTL: "include a\n", "/etc/swanctl/a": "include ../swanctl/*\n"},
    "include bomb": lambda: {
        SWANCTL: "include 0*\n",
        **{f"/etc/swanctl/{n}x{m}": f"include {n + 1}x*\n" for n in range(19) for m in range(9)},
    },
    "alsos": lambda: {IPSEC: "".join(f"conn c{n}\n also=c{n + 1}\n" for n in range(5000))},
    "a conn with all settings": lambda: {
        IPSEC: "conn t\n"
        + "".join(f" x{i}=1\n" for i in range(3000))
        + "".join(f"conn c{i}\n also=t\n" for i in range(3000))
    },
    "many alsos": lambda: {
        IPSEC: "".join(
            f"conn c{n}\n" + "".join(f" also=c{m}\n" for m in range(n)) for n in range(60)
        )
    },
    "ipsec.conf of quotes": lambda: {IPSEC: 'conn a\n  x="' + "\\x" * 500_000},
    "ipsec.conf of spaces": lambda: {IPSEC: "conn a\n  x" + " " * 500_000 + "\n  y"},
    "ipsec.conf of a value": lambda: {IPSEC: "conn a\n  x=" + "a " * 300_000 + "=\n"},
    "ipsec.conf of hashes": lambda: {IPSEC: "conn a\n  x=" + "@#" * 300_000 + "\n"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    check(HOSTILE[name]())


@pytest.mark.parametrize("path", [SWANCTL, IPSEC])
def test_ten_includes_deep(path: str) -> None:
    directory = path.rpartition("/")[0]
    files = {f"{directory}/{n}.inc": f"include {n + 1}.inc\n" for n in range(1, 10)}
    files[f"{directory}/10.inc"] = "\n"
    assert check({path: "include 1.inc\n", **files})


def test_many_connections() -> None:
    reading = read(make_config(2000, 20))
    assert len([problem for problem in reading.problems if problem.conn]) == 2000 // 101
