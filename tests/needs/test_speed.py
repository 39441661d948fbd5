# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several needs is the fastest, and how sure that is."""

from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.needs.need import Need
from modprobe_ipsec.needs.speed import SIZES, Measured, Speed, fastest
from tests.kernel.sample import AH, CBC, CBC_ESN, GCM, need

CTR = need(Protocol.ESP, "AES_CTR", "HMAC_SHA2_256_128")


def measured(of: Need, best: float, spread: float = 0.01) -> Measured:
    """Five rounds of each size, with so much between the best and the second best."""
    rounds = (best, best * (1 - spread), best / 3, best / 2, best / 3)
    return Measured(of, tuple(Speed(size, rounds[::-1]) for size in SIZES))


def test_the_best_round_counts() -> None:
    speed = Speed(64, (1000.0, 2000.0, 1800.0, 100.0, 1900.0))
    assert (speed.packets, speed.bits) == (2000, 2000 * 64 * 8)
    assert round(speed.spread, 3) == 0.05


def test_the_fastest_comes_with_the_next_to_it() -> None:
    found = fastest([measured(CBC, 100), measured(GCM, 300), measured(CTR, 150)], ())
    assert found and (found.suite, found.second) == (GCM.suite, CTR.suite)
    assert (found.times, found.is_clear) == (2.0, True)


def test_what_differs_less_than_its_rounds_is_equal() -> None:
    found = fastest([measured(CBC, 100, 0.2), measured(GCM, 110)], ())
    assert found and (found.suite, found.is_clear) == (GCM.suite, False)


def test_a_suite_counts_as_its_slowest_need() -> None:
    six = GCM._replace(family=Family.IPV6)
    found = fastest([measured(GCM, 300), measured(six, 90), measured(CBC, 100)], ())
    assert found and found.suite == CBC.suite


def test_extended_sequence_numbers_are_no_other_suite() -> None:
    found = fastest([measured(CBC_ESN, 300), measured(CBC, 310), measured(GCM, 100)], ())
    assert found and (found.suite, found.second) == (CBC.suite, GCM.suite)


def test_esp_comes_before_ah_however_fast() -> None:
    found = fastest([measured(AH, 900), measured(CBC, 100)], ())
    assert found and (found.suite, found.second) == (CBC.suite, None)
    alone = fastest([measured(AH, 900)], ())
    assert alone and alone.suite == AH.suite


def test_nobody_is_led_to_what_should_not_be_used() -> None:
    found = fastest([measured(GCM, 300), measured(CBC, 100)], {GCM})
    assert found and found.suite == CBC.suite
    assert fastest([measured(GCM, 300)], {GCM}) is None
    assert fastest([Measured(GCM, why="not loaded")], ()) is None
