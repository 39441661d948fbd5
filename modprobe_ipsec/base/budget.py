# SPDX-License-Identifier: GPL-3.0-or-later
"""How much work one reading may take, whatever stands in what is read."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.errors import ConfigError

# Ten thousand connections take a tenth to a half of each.
LIMITS = {
    "characters": 32 << 20,
    "files": 20_000,
    "includes": 1000,
    "connections": 100_000,
    "problems": 100_000,
    # In directories that patterns look into.
    "file names": 250_000,
    # Of some tenths of a microsecond, where work can be more than what is read: what sections
    # inherit and refer to, what is compared with a pattern, each reason for a need.
    "steps": 10_000_000,
}


class TooMuch(ConfigError):
    """What is read would take more work than anything honest does."""


class Budget:
    """What is left of it, for one reading of one configuration with all that it includes."""

    __slots__ = ("_left",)

    def __init__(self, limits: Mapping[str, int] = LIMITS) -> None:
        self._left = dict(limits)

    def spend(self, what: str, number: int = 1, where: object = "") -> None:
        """Some more work of a kind; `where` tells in a message what it is for.

        Raises TooMuch.
        """
        left = self._left[what] - number
        self._left[what] = left
        if left < 0:
            place = f"{where}: " if where else ""
            raise TooMuch(
                f"{place}that takes more than {LIMITS[what]} {what}; so much is not read",
                "say what is needed with --esp, --ah and --ipcomp",
            )
