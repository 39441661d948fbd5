# SPDX-License-Identifier: GPL-3.0-or-later
"""One option of ipsec.conf where it is set: what its text means, and when two exclude each other.

source: lib/libipsecconf/{parser.y,confread.c} of libreswan 5.2
"""

import re

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.daemons.common.errors import show
from modprobe_ipsec.daemons.libreswan.options import Option, Version
from modprobe_ipsec.needs.reading import Place

_TIME = re.compile(r"([0-9]+)(us|ms|s|m|h|d|w|)\Z", re.IGNORECASE)
_MICROSECONDS = {
    "us": 1,
    "ms": 1_000,
    "": 1_000_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}


class Setting(Value):
    """An option where it is set."""

    # As the option's table has it: `yes` for `true`.
    value: str
    # As it is written.
    key: str
    text: str
    place: Place

    @property
    def written(self) -> str:
        """`esp=aes`, as messages and sources show it."""
        return f"{self.key}={show(self.text)}"


Settings = Mapping[str, Setting]


def conflicting(option: Option, one: Setting, other: Setting, version: Version) -> bool:
    """Whether two settings of the same option cost the connection.

    source: confread.c, translate_field(): up to 5.2 the check for equal texts reads a field that
    is always empty, so even equal ones do
    """
    if option.kind == "list":
        return False
    if option.kind == "text" and version < (5, 3):
        return True
    return one.value != other.value


def duplicate(one: Setting, other: Setting) -> str:
    """What is said where two settings quarrel."""
    same = " (equal values are refused, too, up to libreswan 5.2)" * (one.value == other.value)
    return f"{one.written} and {other.written} at {other.place} exclude each other{same}"


def meaning(option: Option, text: str) -> str | None:
    """The value of a text as the table has it, None for one that it does not have."""
    if option.words:
        word = text.lower() if text.isascii() else text
        found = option.words.get(word)
        return found if found is not None or not option.kind else word
    if option.kind == "number":
        digits = text.isascii() and text.isdecimal()
        return text.lstrip("0") or "0" if digits else _odd_number(text)
    if option.kind == "time" and (match := _TIME.match(text[:20])):
        return str(int(match[1]) * _MICROSECONDS[match[2].lower()])
    return text


def _odd_number(text: str) -> str | None:
    """`128k`, `0x10`, `all`: numbers to some options. A number it must be where it counts."""
    return None if text[:1] in ("", "-") else text
