# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about network cards, as values. The `devices` room fills it in."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.value import StrEnum, Value


class Flag(StrEnum):
    """How a feature of a card stands, in the words of ethtool."""

    ON = "on"
    # It can be switched on.
    OFF = "off"
    # The driver has no such thing.
    FIXED_OFF = "off [fixed]"


class Card(Value):
    """A network interface with a device beneath it; what is made in software is none."""

    # eth0
    name: str
    # mlx5_core; empty if unknown
    driver: str
    # pci 0000:03:00.0
    bus: str
    # By ethtool's name (esp-hw-offload); what this kernel has no name for is not in it.
    features: Mapping[str, Flag]
    # Why the features could not be read; empty if they could.
    unreadable: str = ""

    @property
    def label(self) -> str:
        """`eth0 (mlx5_core)`."""
        return f"{self.name} ({self.driver})" if self.driver else self.name


class Cards(Value):
    """The cards of a network namespace."""

    cards: tuple[Card, ...]
    # Why these are not all; empty if they are.
    incomplete: str = ""
