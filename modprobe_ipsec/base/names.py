# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of modules and aliases as libkmod compares them, and those of the crypto API.

libkmod: dashes are underscores, patterns are those of fnmatch(3). The crypto API:
`template(argument,argument)`, nested. source: crypto/algboss.c
"""

from modprobe_ipsec.base.annotations import Iterable

# No name is that long (MODULE_NAME_LEN is 56), and no pattern need be.
_LONGEST = 4096


def canonical(name: str) -> str:
    """The name of a module or alias as it is compared, of a module file without `.ko.xz`."""
    return name.partition(".ko")[0].replace("-", "_")


def module_of(path: str) -> str:
    """The canonical name of a module from its path: kernel/net/ipv4/esp4.ko.xz -> esp4."""
    return canonical(path.rpartition("/")[2])


def underscores(word: str) -> str | None:
    """`word` with dashes turned into underscores outside of [...]; None if brackets do not match.

    As libkmod/libkmod-util.c:underscores: such a line of modprobe.d is dropped.
    """
    if len(word) > _LONGEST:
        return None
    done, rest = "", word
    while True:
        head, opening, tail = rest.partition("[")
        if "]" in head:
            return None
        done += head.replace("-", "_")
        if not opening:
            return done
        inside, closing, rest = tail.partition("]")
        if not closing:
            return None
        done += f"[{inside}]"


def glob(text: str, pattern: str) -> bool:
    """Whether `text` as a whole fits the shell pattern, upper and lower case told apart."""
    if "?" in pattern or "[" in pattern or "\\" in pattern:
        # rare, and its regular expressions cost start-up time
        from fnmatch import fnmatchcase

        return fnmatchcase(text, pattern)
    first, *middle = pattern.split("*")
    if not middle:
        return text == pattern
    last = middle.pop()
    if len(text) < len(first) + len(last):
        return False
    if not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        # the leftmost fit leaves most room for the rest
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


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
