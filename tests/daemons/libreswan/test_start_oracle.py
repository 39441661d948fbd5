# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections that we read are those that libreswan's own start gives to pluto: 4.10 and 5.2.

Every option of the map with right and wrong values, in a connection and in config setup; and
generated files with all that parsers stumble over.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from random import Random

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.daemons.libreswan.also import Conn
from modprobe_ipsec.daemons.libreswan.question import Refused
from modprobe_ipsec.daemons.libreswan.refused import check_ends
from tests.debs import OracleError

from . import generate
from .addconn import Addconn
from .common import CONF, OPTIONS, Loaded, load, read
from .readwriteconf import VERSIONS, Crash
from .test_cases import CASES, files

pytestmark = pytest.mark.oracle

GENERATED = 500
VALUES = ("yes", "no", "30", '"30"', "1h", "90%", "1.5h", "4k", "tunnel", "abc", "auto", "")
# What addconn itself looks at, or stops at, besides the option's type: addresses, keys, names and
# words of its own.
_CHECKED = """
addresspool authby auto ckaid connalias hostaddrfamily id interface-ip nexthop protoport redirect-to
sourceip subnet subnets vti left right also alsoflip groundhog ecdsakey pubkey rsasigkey type mark
mark-in mark-out
"""
CHECKED = frozenset(_CHECKED.split())


@pytest.fixture(
    scope="module", params=VERSIONS, ids=lambda suite: "libreswan {}.{}".format(*VERSIONS[suite])
)
def oracle(request: pytest.FixtureRequest) -> Addconn:
    try:
        return Addconn(request.param)
    except OracleError as error:
        pytest.fail(str(error))


def ours(oracle: Addconn, text: str) -> Loaded:
    return load({CONF: text}, oracle.version)


def refused(config: Loaded) -> bool:
    return any(problem.refuses for problem in config.problems)


def counting(oracle: Addconn, config: Loaded) -> Iterator[Conn]:
    """Those that the start adds."""
    for conn in config.conns:
        with suppress(Refused):
            check_ends(conn, oracle.version)
            if not conn.lost and conn.value("auto", "ignore") != "ignore":
                yield conn


def added(oracle: Addconn, config: Loaded) -> list[str]:
    return [conn.name for conn in counting(oracle, config)]


def keys(*, is_setup: bool) -> Iterator[str]:
    """Every option of any release; those of an end for the left one."""
    checked = CHECKED | {f"left{key}" for key in CHECKED}
    if is_setup:
        yield from OPTIONS.setup
    else:
        ends = (f"left{key}" for key in OPTIONS.end)
        yield from (key for key in (*OPTIONS.conn, *ends) if key not in checked)


ENDS = "conn %default\n\tleft=192.0.2.1\n\tright=192.0.2.2\n"
CONN = "conn {}\n\tauto=add\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\t{}={}\n"


def test_every_option_with_every_kind_of_value(oracle: Addconn) -> None:
    wrong: list[str] = []
    together: list[str] = []
    for key in keys(is_setup=False):
        for value in VALUES:
            text = CONN.format(f"c{len(together)}", key, value)
            if not refused(ours(oracle, text)):
                together.append(text)
            elif oracle.autoall({CONF: text}).added is not None:
                wrong.append(f"{key}={value} is refused by us alone")
    whole = "".join(together)
    mine = ours(oracle, whole)
    start = oracle.autoall({CONF: whole}, [conn.name for conn in mine.conns])
    if start.added is None:
        wrong.append(f"is refused by libreswan alone: {start.messages[-300:]}")
    else:
        differ = set(added(oracle, mine)) ^ set(start.added)
        wrong += [t.strip() for n, t in enumerate(together) if f"c{n}" in differ]
        assert len(start.added) > len(together) / 2
    assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong[:40])


def test_every_option_of_config_setup(oracle: Addconn) -> None:
    wrong = []
    for key in keys(is_setup=True):
        for value in VALUES:
            text = f"config setup\n\t{key}={value}\n" + CONN.format("a", "pfs", "no")
            if refused(ours(oracle, text)) is not (oracle.autoall({CONF: text}).added is None):
                wrong.append(f"{key}={value}")
    assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong[:40])


def differences(oracle: Addconn, texts: dict[str, str]) -> Iterable[str]:
    # a %default at the end is one as well: a connection must have its two ends
    texts = {**texts, CONF: f"{texts[CONF]}\n{ENDS}"}
    config: Loaded | None = None
    try:
        config = load(texts, oracle.version)
        start = oracle.autoall(texts, [conn.name for conn in config.conns])
    except Crash:
        return
    except ConfigError:
        if oracle.autoall(texts).added is not None:
            yield "is refused by us alone"
        return
    if refused(config) is not (start.added is None):
        yield f"refused by us: {refused(config)}; libreswan: {start.messages[-300:]}"
    if refused(config) or start.added is None:
        return
    mine = added(oracle, config)
    if mine != start.added:
        yield f"we have {mine}, libreswan {start.added}: {start.messages[-300:]}"
        return
    for conn in counting(oracle, config):
        esp = conn.get("esp")
        if esp and esp.text and not start.says(conn.name, esp.text):
            yield f"{conn.name} has another esp= than {esp.text}"


AUTHBY = """
secret rsasig rsa never null rsa-sha1 rsa-sha2 rsa-sha2_384 ecdsa ecdsa-sha2_512 ecdsa-sha1 eddsa
RSASIG
psk rsasig,secret rsasig, "rsasig,,secret" rsa-sha2,secret "secret|rsasig" ecdsa,null
"""
BLANKS = ('"rsasig, secret"', '"rsasig secret"', '" rsasig"', '""')


@pytest.mark.parametrize("ike", ["no", "insist"])
def test_who_is_known_by_what(oracle: Addconn, ike: str) -> None:
    values = (*AUTHBY.split(), *BLANKS)
    both = CONN.replace("{}={}", "ikev2={}\n\tauthby={}").format
    text = "config setup\n\tikev1-policy=accept\n" + "".join(
        both(f"name{number}", ike, value) for number, value in enumerate(values)
    )
    names = [f"name{number}" for number in range(len(values))]
    start = oracle.autoall({CONF: text}, names)
    problems = read({CONF: text}, version=oracle.version).problems
    lost = {problem.conn for problem in problems if problem.conn}
    # never is for shunts, which pluto sees to
    assert lost - {"name3"} == set(names) - set(start.added or ())
    assert len(lost) > 5


def test_the_cases(oracle: Addconn) -> None:
    wrong = [f"{case.stem}: {d}" for case in CASES for d in differences(oracle, files(case))]
    assert not wrong, "\n".join(wrong)


# What is sent has names among numbers, which may look like a letter and its NUL.
ONE_LETTER = re.compile(r"^(conn[ \t]+|[ \t]*also[ \t]*=[ \t]*)([a-z])\b", re.MULTILINE)


def test_generated(oracle: Addconn) -> None:
    random = Random("addconn")  # noqa: S311
    wrong = []
    for number in range(GENERATED):
        texts = {
            path: ONE_LETTER.sub(r"\1\2\2\2", t) for path, t in generate.config(random).items()
        }
        wrong += [f"{number}: {found}\n{texts}" for found in differences(oracle, texts)]
    assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong[:10])
