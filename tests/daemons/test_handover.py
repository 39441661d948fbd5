# SPDX-License-Identifier: GPL-3.0-or-later
"""A demand arrives as it was sent; what no reader can have said does not arrive at all."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from modprobe_ipsec.catalog.model import Family, KernelInterface
from modprobe_ipsec.daemons import proposals
from modprobe_ipsec.daemons.handover import from_message, to_message
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.needs.everything import all_needs
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed, Mode, Source
from modprobe_ipsec.needs.reading import Asker, IgnoredConnection, OtherAsker, Place, Problem

from .common import CATALOG, CONTEXT

BOTH = (Family.IPV4, Family.IPV6)
SOURCES = (
    Source("/etc/ipsec.conf:3 conn a", "aes_gcm", "libreswan", BOTH, "a", "/etc/ipsec.conf:3"),
    Source("--esp", "aes256\udcff\x1b[2J\n"),
)


def everything() -> Demand:
    """Every need of the map, with something in every field."""
    needs: list[AnyNeed] = [need._replace(sources=SOURCES) for need in all_needs(CATALOG, BOTH)]
    for interface in KernelInterface:
        some = all_needs(CATALOG, BOTH)[:5]
        needs += [need._replace(mode=Mode.IPTFS, interface=interface) for need in some]
    needs += proposals.default_needs(CONTEXT, {})
    for name, feature in CATALOG.features.items():
        needs += [FeatureNeed(name, family, SOURCES[:1]) for family in feature.requests]
    return Demand(
        needs=tuple(needs),
        configs=("/etc/ipsec.conf", "/etc/a b"),
        problems=(
            Problem(Place("/etc/ipsec.conf", 7), "a", "is wrong", unread=True, refuses=True),
            Problem(Place("/x", 0), "", ""),
        ),
        silent=(IgnoredConnection(Place("/etc/ipsec.conf", 9), "b", "auto=ignore"),),
        askers=(
            Asker("libreswan", (4, 10), "dpkg", "/etc/ipsec.conf"),
            Asker("strongswan"),
        ),
        assumed=True,
        others=(OtherAsker("vpnc", "vpnc", "/usr/sbin/vpnc", True, "does ESP itself"),),
    )


def over(message: object) -> Demand:
    return from_message(json.loads(json.dumps(message)), CATALOG)


def test_it_arrives_as_it_was_sent() -> None:
    demand = everything()
    arrived = over(to_message(demand))
    assert arrived == demand
    # equal is not enough: a text of an enumeration compares like its member
    assert repr(arrived) == repr(demand)
    assert [type(need) for need in arrived.needs] == [type(need) for need in demand.needs]
    assert over(to_message(Demand(()))) == Demand(())


def test_every_field_is_tried_with_something_in_it() -> None:
    demand = everything()
    kinds = (
        demand,
        demand.problems[0],
        demand.silent[0],
        demand.askers[0],
        demand.others[0],
        SOURCES[0],
    )
    for kind in kinds:
        assert all(kind), kind


def test_sources_that_many_needs_share_are_said_once() -> None:
    many = tuple(Source(f"/etc/ipsec.conf:{n} conn c{n}") for n in range(1000))
    demand = Demand(tuple(n._replace(sources=many) for n in all_needs(CATALOG, BOTH)))
    assert len(json.dumps(to_message(demand))) < 200_000
    assert over(to_message(demand)) == demand


# A demand without needs and all else.
REST = [[], [], [], [], [], False, []]


def said(suite: list[Any], family: Any = "ipv4", mode: Any = "tunnel", group: Any = 0) -> Any:
    return [[[]], [[0, group, [suite, family, [], mode, "xfrm"]]], REST]


def test_the_sample_is_right() -> None:
    (need,) = over(said(["esp", ["AES_GCM_16", 256], None, False])).needs
    assert need.label == "ESP IPv4 AES_GCM_16_256"


@pytest.mark.parametrize(
    "message",
    [
        None, {}, [], [[], []], [[], [], [], []], [[], [], REST[:5]], "x",
        said(["esp", ["EVIL", 256], None, False]),
        said(["esp", ["AES_GCM_16", 255], None, False]),
        said(["esp", ["AES_GCM_16", 256, 1], None, False]),
        said(["esp", ["AES_GCM_16", True], None, False]),
        said(["esp", ["AES_GCM_16", 256], ["HMAC_SHA1_96", 160], False]),
        said(["esp", None, ["HMAC_SHA1_96", 160], False]),
        said(["ah", ["AES_GCM_16", 256], None, False]),
        said(["esp", None, None, False]),
        said(["esp", ["AES_GCM_16", 256], None, "no"]),
        said(["esp", ["AES_GCM_16", 256], None, 0]),
        said(["gre", ["AES_GCM_16", 256], None, False]),
        said(["esp", ["AES_GCM_16", 256], None, False], family="ipx"),
        said(["esp", ["AES_GCM_16", 256], None, False], family=None),
        said(["esp", ["AES_GCM_16", 256], None, False], mode="x"),
        said(["esp", ["AES_GCM_16", 256], None, False], group=1),
        said(["esp", ["AES_GCM_16", 256], None, False], group="0"),
        [[[]], [[2, 0, []]], REST],
        [[[]], [[1, 0, ["nf_conntrack", None, []]]], REST],
        [[[]], [[1, 0, [["xfrm_interface"], None, []]]], REST],
        [[], [], [["n"], *REST[1:]]],
        [[], [], [[], [1], *REST[2:]]],
        [[], [], [[], [], [[["f", "1"], "", "", False, False]], *REST[3:]]],
        [[], [], [[], [], [[["f", 1], "", "", False]], *REST[3:]]],
        [[], [], [*REST[:4], [["evild", None, "", ""]], *REST[5:]]],
        [[], [], [*REST[:4], [["libreswan", ["4"], "", ""]], *REST[5:]]],
        [[], [], [*REST[:6], [["evil", "", "", False, ""]]]],
        [[], [], [*REST[:6], [["vpnc", "", "", "no", ""]]]],
    ],
)  # fmt: skip
def test_what_nobody_can_have_said(message: object) -> None:
    with pytest.raises(ValueError):
        from_message(message, CATALOG)


@pytest.mark.fuzz
def test_whatever_arrives(rounds: Callable[[int], int]) -> None:
    """Anything put anywhere gives needs of the map, or ValueError."""
    random = Random(13)  # noqa: S311 (no secret)
    some = everything()
    sample = json.dumps(to_message(some._replace(needs=some.needs[:3] + some.needs[-3:])))
    odd: list[Any] = [None, True, 0, -1, 1 << 70, 0.5, "", "AES_GCM_16", "esp", [], [[]], {}]
    wrong = 0
    for _ in range(rounds(20_000)):
        message = json.loads(sample)
        here, at = message, 0
        while isinstance(here[at], list) and here[at] and random.random() < 0.9:
            here = here[at]
            at = random.randrange(len(here))
        here[at] = random.choice(odd)
        try:
            demand = from_message(message, CATALOG)
        except ValueError:
            wrong += 1
        else:
            for need in demand.needs:
                known = isinstance(need, FeatureNeed) or need.suite.is_possible
                assert known and isinstance(need.label, str)
    assert wrong
