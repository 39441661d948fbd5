# SPDX-License-Identifier: GPL-3.0-or-later
"""Which network cards there are, and how their ESP features stand."""

from modprobe_ipsec.base.annotations import Callable, Iterable
from modprobe_ipsec.devices.errors import DeviceError
from modprobe_ipsec.devices.ethtool import Ethtool
from modprobe_ipsec.devices.udev import Interface, interfaces
from modprobe_ipsec.host.machine.cards import Card, Cards, Flag

# source: net/ethtool/common.c netdev_features_strings
FEATURES = ("esp-hw-offload", "esp-tx-csum-hw-offload", "tx-esp-segmentation")

# More are not asked: a virtual card may come in thousands.
MOST = 256


def survey() -> Cards:
    """The cards of this network namespace. Raises nothing: what cannot be asked, `Cards` says.

    What is made in software is left out: what it shows is that of a card beneath it, or nothing. A
    bond without members may show `esp-hw-offload on`, and refuses SAs (drivers/net/bonding).
    """
    try:
        found = interfaces()
        with Ethtool() as ethtool:
            return _cards(found, lambda name: ethtool.features(name, FEATURES))
    except DeviceError as error:
        return Cards((), str(error))


def _cards(found: Iterable[Interface], features: Callable[[str], dict[str, Flag]]) -> Cards:
    physical = sorted(interface for interface in found if interface.bus)
    cards = []
    for interface in physical[:MOST]:
        try:
            cards.append(Card(*interface, features(interface.name)))
        except DeviceError as error:
            cards.append(Card(*interface, {}, str(error)))
    left = len(physical) - len(cards)
    return Cards(tuple(cards), f"{left} more network cards were not asked" if left else "")
