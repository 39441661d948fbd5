# SPDX-License-Identifier: GPL-3.0-or-later
"""One option of ipsec.conf where it is set: what its text means, and when two exclude each other.

source: lib/libipsecconf/{parser.y,parser.lex,confread.c} of libreswan 4.10 and 5.2,
lib/libswan/ipsecconf/{parser.y,confread.c} of 5.3 and 5.4
"""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.daemons.libreswan.lines import is_number
from modprobe_ipsec.daemons.libreswan.options import Keyword, Version
from modprobe_ipsec.needs.reading import Place

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
_UNITS = frozenset(
    unit + several for unit in ("second", "minute", "hour", "day", "week") for several in ("", "s")
)
_SIZES = frozenset(
    size + of + byte for size in ("", *"kmgtpe") for of in ("", "i") for byte in ("", "b")
) - {"i", "ib"}
# Words that a message lists.
_FEW = 16
_SEPARATORS = str.maketrans("+,\t", "   ")


class WrongValue(StrEnum):
    """What a release does with a value that an option cannot have."""

    # The whole file is refused, and the daemon does not start.
    REFUSES = "refuses"
    # The connection is not loaded.
    LOSES = "loses"
    # It is as if the line were not there.
    IGNORED = "ignored"


class Setting(Value):
    """An option where it is set."""

    # As the option's table has it: `yes` for `true`.
    value: str
    # As it is written.
    key: str
    text: str
    # A file's line.
    file: str
    line: int
    # What is set there.
    option: Keyword
    # No value that the option can have: pluto loses the connection where this counts.
    wrong: bool = False

    @property
    def place(self) -> Place:
        """Where it is set."""
        return Place(self.file, self.line)

    @property
    def written(self) -> str:
        """`pfs=yes`, or `leftid=`: what messages and sources show, whose secret it may be."""
        return f"{self.key}={self.text if is_plain(self.option, self.text) else ''}"


Settings = Mapping[str, Setting]


def is_plain(option: Keyword, text: str) -> bool:
    """Whether a value is a word that the option has, or a number."""
    number = text.lower().rstrip("%bdeghikmpstuw")
    return _lower(text) in (*option.words, "yes", "no") or (is_number(number) and len(text) < 20)


def wrong_value(option: Keyword, key: str) -> str:
    """What is said of a value that an option cannot have, which may be anybody's secret."""
    words = sorted(set(option.words))
    choose = f": choose from {', '.join(words)}" if 0 < len(words) <= _FEW else ""
    return f"{key}= has a wrong value{choose}"


def conflicting(one: Setting, other: Setting, version: Version) -> bool:
    """Whether two settings of the same option are an error to a release before 5.3.

    source: confread.c, translate_field(): up to 5.2 the check for equal texts reads a field that
    is always empty, so even equal ones are
    """
    option = other.option
    if option.kind == "list":
        return False
    if option.kind in ("text", "host", "key") and version < (5, 3):
        return True
    return one.value != other.value


def duplicate(one: Setting, other: Setting) -> str:
    """What is said where two settings quarrel."""
    same = " (equal values are refused, too, up to libreswan 5.2)" * (one.value == other.value)
    return f"{one.written} and {other.written} at {other.place} exclude each other{same}"


def meaning(option: Keyword, text: str, version: Version, *, quoted: bool) -> str | WrongValue:
    """The value of a text as the table has it, or what a release does with one that is none.

    `quoted`: digits that stand in quotes are a text, and without them a number, to 4.x.
    """
    if version < (5, 0):
        return _meaning_4(option, text, quoted)
    value = _meaning(option, text, version)
    if value is not None:
        return value
    if option.by_pluto:
        return WrongValue.LOSES
    return WrongValue.IGNORED


def _meaning(option: Keyword, text: str, version: Version) -> str | None:
    match option.kind:
        case "words" | "bool":
            return option.words.get(_lower(text))
        case "number":
            if not (is_number(text) or (option.by_pluto and _is_hexadecimal(text))):
                # source: parse_kt_unsigned() of 5.3
                return text if text == "-1" and version >= (5, 3) else None
            return text.lstrip("0") or "0"
        case "time":
            return _time(text)
        case "percent":
            return text if _is_percentage(text) else None
        case "bytes":
            return text if _is_size(text) else None
        case "flags":
            return text if _are_flags(option, text) else None
        case _:
            return text


def _meaning_4(option: Keyword, text: str, quoted: bool) -> str | WrongValue:
    """4.x: the lexer tells numbers from texts, and the grammar takes one or the other."""
    digits = not quoted and is_number(text)
    if not text and not quoted:
        # source: parser.y, `KEYWORD EQUAL`; the others are words of their own
        needed = option.kind in ("bool", "time", "percent", "bytes")
        return WrongValue.REFUSES if needed else WrongValue.IGNORED
    match option.kind:
        case "bool":
            # source: parser.lex: a word of its own, in lower case alone
            return option.words.get(text, WrongValue.REFUSES)
        case "words":
            # source: parser.y, `KEYWORD EQUAL INTEGER`: the number itself, whatever it means
            return text if digits else option.words.get(_lower(text), WrongValue.REFUSES)
        case "number":
            # source: parser.y, `KEYWORD EQUAL STRING`: the error is forgotten, and 0 is set
            return (text.lstrip("0") or "0") if digits else "0"
        case "time":
            return _time(text) or WrongValue.IGNORED
        case "percent":
            if digits:
                return WrongValue.REFUSES
            return text if _is_percentage(text) else WrongValue.IGNORED
        case "bytes":
            return text if digits or _is_size(text) else WrongValue.IGNORED
        case "text":
            return WrongValue.LOSES if digits else text
        case "flags":
            return text if digits or _are_flags(option, text) else WrongValue.REFUSES
        case _:
            return text


def _are_flags(option: Keyword, text: str) -> bool:
    """source: lmod_arg()"""
    flags = text.translate(_SEPARATORS).split(" ")
    return all(not flag or flag.removeprefix("no-") in option.words for flag in flags)


def _time(text: str) -> str | None:
    """`1.5h` -> in microseconds."""
    text = text[:40]
    written = text.lstrip("0123456789.")
    number = text[: len(text) - len(written)]
    unit = _lower(written.lstrip(" "))
    if not is_number(number.replace(".", "", 1)) or unit not in _UNITS | _MICROSECONDS.keys():
        return None
    scale = _MICROSECONDS[unit if unit in _MICROSECONDS else unit[0]]
    return str(round(float(number) * scale))


def _is_hexadecimal(text: str) -> bool:
    """strtoul's and shunk_to_uintmax's with base 0 take it, too."""
    return (
        text[:2] in ("0x", "0X") and text[2:] != "" and not text[2:].strip("0123456789abcdefABCDEF")
    )


def _is_percentage(text: str) -> bool:
    return text.endswith("%") and is_number(text[:-1])


def _is_size(text: str) -> bool:
    """`10`, `10k`, `10KiB`."""
    unit = text.lstrip("0123456789")
    return unit != text and _lower(unit) in _SIZES


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else text
