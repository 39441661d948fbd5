# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the crypto API: `template(argument,argument)`, nested. source: crypto/algboss.c."""

from modprobe_ipsec.base.annotations import Iterable


def split(name: str) -> tuple[str, str]:
    """`gcm(aes)` -> gcm, aes."""
    template, _, rest = name.partition("(")
    return template, rest[:-1]


def arguments(text: str) -> list[str]:
    """`hmac(sha256),cbc(aes)` -> its parts at the outermost level."""
    parts, depth, start = [], 0, 0
    for position, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]] if text else parts


def words_of(name: str) -> list[str]:
    """`hmac(sha256)` -> hmac, sha256: templates and algorithms alike, without `%`."""
    words = name.replace("(", ",").replace(")", ",").split(",")
    return [word for word in words if word not in ("", "%")]


def expand(names: Iterable[str], argument: str) -> list[str]:
    """`%` in each name becomes the argument."""
    return [name.replace("%", argument) for name in names]
