# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether some network card has what a feature of a configuration needs."""

from modprobe_ipsec.base.annotations import Sequence
from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.catalog.model import CardFeature
from modprobe_ipsec.diagnose.resolution import Resolution, ResolutionState
from modprobe_ipsec.host.machine.cards import Card, Cards, Flag

# Cards that a sentence names.
_NAMED = 4


def answer(cards: Cards, feature: CardFeature) -> Resolution:
    """What the cards say. Which of them will carry the tunnel is not known here: one is enough."""
    state, said, remedy = _answer(cards, feature)
    if not feature.needed and state is not ResolutionState.LIVE:
        said += "; a card without it leaves the encryption to the kernel"
        state, remedy = ResolutionState.LIVE, ""
    evidence = Sentence(said, {"kind": "network card", "feature": feature.name})
    return Resolution(feature.name, state, evidence=evidence, remedy=remedy, of_card=True)


def _answer(cards: Cards, feature: CardFeature) -> tuple[ResolutionState, str, str]:
    name = feature.name
    on = [card for card in cards.cards if card.features.get(name) is Flag.ON]
    if on:
        state = ResolutionState.LIVE if feature.enough else ResolutionState.UNKNOWN
        return state, f"{_names(on)}: {name} on; {feature.remark}", feature.remedy
    ask = Sentence(
        f"ask the card itself: ethtool --show-features INTERFACE | grep {name}",
        {"kind": "ask", "command": "ethtool --show-features INTERFACE"},
    )
    if cards.incomplete:
        return ResolutionState.UNKNOWN, cards.incomplete, ask
    if silent := [card for card in cards.cards if card.unreadable]:
        return ResolutionState.UNKNOWN, f"{_names(silent)}: {silent[0].unreadable}", ask
    if off := [card for card in cards.cards if card.features.get(name) is Flag.OFF]:
        command = f"ethtool --features {off[0].name} {name} on"
        remedy = Sentence(f"switch it on: {command}", {"kind": "run", "command": command})
        return ResolutionState.ABSENT, f"{_names(off)}: {name} off", remedy
    found = f"{_names(cards.cards)}: {name} off [fixed]" if cards.cards else "there is none"
    return (
        ResolutionState.ABSENT,
        f"no network card here has ESP offload ({found})",
        Sentence(
            "take the offload out of the configuration, or use a card whose driver has it",
            {"kind": "configure"},
        ),
    )


def _names(cards: Sequence[Card]) -> str:
    """`eth0 (mlx5_core), eth1 (mlx5_core) and 3 more`."""
    more = f" and {len(cards) - _NAMED} more" if len(cards) > _NAMED else ""
    return ", ".join(card.label for card in cards[:_NAMED]) + more
