# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast packets went through an SA, and which of several is the fastest: values. Pure."""

from modprobe_ipsec.base.annotations import Collection, Iterable, Sequence
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.needs.need import AnyNeed, Need, Suite

# Bytes of a packet as it comes to IPsec, with its IP and UDP headers.
SIZES = (64, 512, 1400)
# Each size is measured so often. The best counts: what disturbs only makes slower.
ROUNDS = 5


class Speed(Value):
    """Packets of one size through one SA, or through none."""

    size: int
    # Of each round: packets per second that arrived.
    rounds: tuple[float, ...]

    @property
    def packets(self) -> float:
        """Packets per second."""
        return max(self.rounds)

    @property
    def bits(self) -> float:
        """Bits per second, of what comes to IPsec."""
        return self.packets * self.size * 8

    @property
    def spread(self) -> float:
        """By how much the second best round is slower than the best: 0.03 for three percent.

        The less, the surer is the best.
        """
        return 1 - sorted(self.rounds)[-2] / self.packets


class Measured(Value):
    """What was measured of one need."""

    need: AnyNeed
    # One for each of SIZES; empty if it could not be measured.
    speeds: tuple[Speed, ...] = ()
    # Of the SA, as /proc/crypto names it: seqiv(rfc4106-gcm-aesni); empty if it names none.
    driver: str = ""
    # Why there are no speeds.
    why: str = ""


class Clear(Value):
    """Packets between the same hosts without IPsec."""

    family: Family
    speeds: tuple[Speed, ...]


class Fastest(Value):
    """The best of what may be chosen, and the next to it."""

    suite: Suite
    # At the largest size; None without a second one.
    second: Suite | None
    # How many times as fast as that.
    times: float
    # Whether the rounds differ less than these two.
    is_clear: bool


def fastest(measured: Iterable[Measured], excluded: Collection[AnyNeed]) -> Fastest | None:
    """The fastest suite at the largest size; None if nothing is left to choose from.

    Only ESP, if there is any: nothing else hides what is sent. What serves several needs, with and
    without ESN or in both families, counts as its slowest. `excluded` are needs whose algorithms
    nobody should be led to.
    """
    slowest: dict[Suite, Speed] = {}
    for each in measured:
        need = each.need
        if each.speeds and isinstance(need, Need) and need not in excluded:
            speed, suite = each.speeds[-1], need.suite._replace(esn=False)
            slowest[suite] = min(slowest.get(suite, speed), speed, key=lambda one: one.packets)
    ranked = _ranked(slowest, Protocol.ESP) or _ranked(slowest, Protocol.AH)
    if not ranked:
        return None
    if len(ranked) == 1:
        return Fastest(ranked[0], None, 1.0, True)
    first, second = (slowest[suite] for suite in ranked[:2])
    times = first.packets / second.packets
    uncertain = max(first.spread, second.spread)
    return Fastest(ranked[0], ranked[1], times, 1 - 1 / times > uncertain)


def _ranked(speeds: dict[Suite, Speed], protocol: Protocol) -> Sequence[Suite]:
    suites = [suite for suite in speeds if suite.protocol is protocol]
    return sorted(suites, key=lambda suite: speeds[suite].packets, reverse=True)
