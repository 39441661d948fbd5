# SPDX-License-Identifier: GPL-3.0-or-later
"""What network cards say about a need for their offload."""

import pytest

from modprobe_ipsec.catalog.model import CardFeature, Family
from modprobe_ipsec.devices.survey import FEATURES
from modprobe_ipsec.diagnose.card import answer
from modprobe_ipsec.diagnose.resolution import ResolutionState
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.machine.cards import Card, Cards, Flag
from modprobe_ipsec.needs.need import FeatureNeed
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.planner import make_plan
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from tests.facts import facts, install, live, tree
from tests.shipped import CATALOG

ESP = "esp-hw-offload"
CRYPTO, PACKET, EITHER = (
    CATALOG.features[name].card for name in ("offload", "packet_offload", "offload_or_software")
)
OFFLOAD = FeatureNeed("offload", Family.IPV4)
PACKETS = FeatureNeed("packet_offload", Family.IPV4)


def card(name: str, flag: Flag | None = None, unreadable: str = "") -> Card:
    return Card(name, "mlx5_core", "pci 0000:03:00.0", {ESP: flag} if flag else {}, unreadable)


ON, OFF, FIXED = card("eth0", Flag.ON), card("eth1", Flag.OFF), card("eth2", Flag.FIXED_OFF)
GONE = card("eth3", unreadable="no such device")


def test_the_map_names_what_is_asked() -> None:
    named = {feature.card.name for feature in CATALOG.features.values() if feature.card}
    assert named and named <= {*FEATURES}


@pytest.mark.parametrize(
    ("cards", "state", "words", "remedy"),
    [
        (Cards((FIXED, ON)), "live", "eth0 (mlx5_core): esp-hw-offload on; which algorithms", ""),
        # one that can is enough, whatever is unknown about the others
        (Cards((GONE, ON), "more"), "live", "eth0 (mlx5_core): esp-hw-offload on", ""),
        (Cards((OFF, FIXED)), "absent", "eth1 (mlx5_core): esp-hw-offload off", "ethtool"),
        (Cards((FIXED,)), "absent", "(eth2 (mlx5_core): esp-hw-offload off [fixed])", "take"),
        (Cards(()), "absent", "no network card here has ESP offload (there is none)", "take"),
        # what could not be asked may be able to
        (Cards((OFF, GONE)), "unknown", "eth3 (mlx5_core): no such device", "ask"),
        (Cards((OFF,), "7 more were not asked"), "unknown", "7 more were not asked", "ask"),
        (Cards((), "pyudev cannot be used"), "unknown", "pyudev cannot be used", "ask"),
    ],
)
def test_answers(cards: Cards, state: str, words: str, remedy: str) -> None:
    assert CRYPTO
    found = answer(cards, CRYPTO)
    assert (found.request, found.state) == (ESP, state)
    assert words in found.evidence
    assert bool(found.remedy) == bool(remedy) and remedy in found.remedy


def test_many_cards_are_no_long_sentence() -> None:
    assert CRYPTO
    cards = Cards(tuple(card(f"eth{n}", Flag.FIXED_OFF) for n in range(200)))
    assert "eth3 (mlx5_core) and 196 more: esp-hw-offload off" in answer(cards, CRYPTO).evidence


@pytest.mark.parametrize(
    ("flag", "state"),
    [
        (Flag.ON, ResolutionState.UNKNOWN),
        (Flag.OFF, ResolutionState.ABSENT),
        (Flag.FIXED_OFF, ResolutionState.ABSENT),
    ],
)
def test_no_feature_tells_of_whole_packets(flag: Flag, state: ResolutionState) -> None:
    """But both daemons ask for them only where a card has the other one."""
    assert PACKET
    assert answer(Cards((card("eth0", flag),)), PACKET).state is state


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        (Cards((ON,)), "eth0 (mlx5_core): esp-hw-offload on; which algorithms"),
        (Cards((FIXED,)), "off [fixed]); a card without it leaves the encryption to the kernel"),
        (Cards((), "pyudev cannot be used"), "pyudev cannot be used; a card without it leaves"),
    ],
)
def test_what_works_without_a_card_too(cards: Cards, words: str) -> None:
    """libreswan 4.x asks without looking, and the kernel leaves a card out that has no offload."""
    assert EITHER
    found = answer(cards, EITHER)
    assert (found.state, found.remedy) == (ResolutionState.LIVE, "") and words in found.evidence


TREE = tree(
    {
        "xfrm_algo": ("net/xfrm", ""),
        "esp4": ("net/ipv4 xfrm_algo", "xfrm-type-2-50"),
        "esp4_offload": ("net/ipv4 esp4 xfrm_algo", "xfrm-offload-2-50"),
    }
)
LOADED = live(*TREE.files)


def host(cards: Cards | None, **differences: object) -> Facts:
    return facts(module_index=TREE, **differences)._replace(cards=lambda: cards)


def judged(of: Facts, *, need: FeatureNeed = OFFLOAD, loaded: bool = False) -> NeedVerdict:
    (verdict,) = judge(make_plan([need], of, CATALOG), {}, loaded=loaded)
    return verdict


@pytest.mark.parametrize("loaded", [False, True])
def test_a_card_that_can_is_proof_enough(loaded: bool) -> None:
    verdict = judged(host(Cards((ON,)), modules=LOADED), loaded=loaded)
    assert verdict.verdict is Verdict.READY
    assert [reason.text for reason in verdict.reasons] == [
        "eth0 (mlx5_core): esp-hw-offload on; "
        "which algorithms it takes, its driver decides with each SA"
    ]


def test_a_card_that_can_and_a_module_to_be_loaded() -> None:
    of = host(Cards((ON,)), modules={})
    verdict = judged(of)
    assert verdict.verdict is Verdict.LOADABLE
    assert "not loaded: esp4_offload" in verdict.reasons[0].text
    assert "eth0 (mlx5_core): esp-hw-offload on" in verdict.reasons[0].text
    assert [step.module for step in make_plan([OFFLOAD], of, CATALOG).steps] == ["esp4_offload"]


@pytest.mark.parametrize("cards", [Cards((OFF,)), Cards((FIXED,)), Cards(())])
def test_no_card_can(cards: Cards) -> None:
    of = host(cards, modules={})
    verdict = judged(of)
    assert verdict.verdict is Verdict.MISSING
    assert verdict.reasons[0].remedy
    # the module would serve nobody, and takes packets away from netfilter
    assert make_plan([OFFLOAD], of, CATALOG).steps == ()


def test_a_blocked_module_stays_blocked() -> None:
    of = host(Cards((ON,)), modules={}, rules=(install("esp4_offload"),))
    assert judged(of).verdict is Verdict.BLOCKED


@pytest.mark.parametrize("loaded", [False, True])
def test_cards_that_cannot_be_asked_are_no_cards_that_cannot(loaded: bool) -> None:
    of = host(Cards((), "pyudev cannot be used"), modules=LOADED)
    verdict = judged(of, loaded=loaded)
    assert verdict.verdict is Verdict.UNKNOWN
    assert "cannot tell about esp-hw-offload: pyudev cannot be used" in verdict.reasons[0].text


def test_whole_packets() -> None:
    verdict = judged(host(Cards((ON,)), modules=LOADED), need=PACKETS, loaded=True)
    assert verdict.verdict is Verdict.UNKNOWN
    assert "only an SA on it tells" in verdict.reasons[0].text and verdict.reasons[0].remedy
    assert judged(host(Cards((FIXED,)), modules=LOADED), need=PACKETS).verdict is Verdict.MISSING


def test_where_nobody_can_ask_what_is_there_has_to_do() -> None:
    """The hook of a container engine, and the plan for a host: the cards are elsewhere."""
    verdict = judged(host(None, modules=LOADED), loaded=True)
    assert verdict.verdict is Verdict.READY
    assert "not proven: only a network card would tell" in verdict.reasons[0].text


def test_every_card_feature_says_what_it_leaves_open() -> None:
    kinds = {feature.card for feature in CATALOG.features.values() if feature.card}
    assert all(isinstance(kind, CardFeature) and kind.remark for kind in kinds)
