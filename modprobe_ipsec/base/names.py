# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of modules and aliases as libkmod compares them, and those of the crypto API.

libkmod: dashes are underscores, patterns are those of fnmatch(3). The crypto API:
`template(argument,argument)`, nested. source: crypto/algboss.c
"""

from modprobe_ipsec.base.annotations import Iterable, Sequence

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
    """Whether `text` as a whole fits the shell pattern, upper and lower case told apart.

    As fnmatch.fnmatchcase, whose regular expressions take longer to import than a check has.
    """
    first, *middle = _between_stars(pattern)
    if not middle:
        return len(text) == len(first) and _fits(text, 0, first)
    last = middle.pop()
    at, end = len(first), len(text) - len(last)
    if at > end or not (_fits(text, 0, first) and _fits(text, end, last)):
        return False
    for part in middle:
        # the leftmost fit leaves most room for the rest
        at = _find(text, part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


# A character, `?`, or what stands in brackets: whether it is one of them, and from where to where.
_One = str | None | tuple[bool, list[tuple[str, str]]]
# A text without anything special is what most are.
_Part = str | list[_One]


def _between_stars(pattern: str) -> Sequence[_Part]:
    if "?" not in pattern and "[" not in pattern:
        return pattern.split("*")
    parts: list[list[_One]] = [[]]
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            parts.append([])
        elif char == "?":
            parts[-1].append(None)
        elif char == "[" and (end := pattern.find("]", at + 1 + pattern.startswith("!", at))) > 0:
            parts[-1].append(_brackets(pattern[at:end]))
            at = end + 1
        else:
            parts[-1].append(char)
    return parts


def _brackets(inside: str) -> tuple[bool, list[tuple[str, str]]]:
    chars = inside.removeprefix("!")
    ranges, at = [], 0
    while at < len(chars):
        several = chars[at + 1 : at + 2] == "-" and at + 2 < len(chars)
        ranges.append((chars[at], chars[at + 2] if several else chars[at]))
        at += 3 if several else 1
    return chars == inside, ranges


def _find(text: str, part: _Part, start: int, end: int) -> int:
    if isinstance(part, str):
        return text.find(part, start, end)
    places = range(start, end - len(part) + 1)
    return next((at for at in places if _fits(text, at, part)), -1)


def _fits(text: str, at: int, part: _Part) -> bool:
    if isinstance(part, str):
        return text.startswith(part, at)
    for char, one in zip(text[at : at + len(part)], part, strict=True):
        if isinstance(one, tuple):
            among, ranges = one
            if any(low <= char <= high for low, high in ranges) is not among:
                return False
        elif one is not None and one != char:
            return False
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
