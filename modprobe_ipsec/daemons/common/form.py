# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of file a configuration is, by its form: `ipsec.conf` has sections, indented below a
line that names them; `swanctl.conf` has braces.
"""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.base.value import Value


class Setting(Value):
    """A line of an ipsec.conf as any daemon's parser would take it apart, more or less."""

    line: int
    # The option, or with `header` the kind of section that starts here.
    key: str
    # What is set, or the section's name; without a comment and quotes.
    value: str
    header: bool = False


def has_braces(text: str) -> bool:
    """Whether it is written in braces."""
    for line in text.split("\n"):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0] in ("conn", "config", "ca", "version"):
            return False
        if "{" in line:
            return True
    return False


def has_sections(path: str, text: str) -> bool:
    """Whether it may be an ipsec.conf."""
    return not path.endswith("swanctl.conf") and not has_braces(text)


def settings(text: str) -> Iterator[Setting]:
    """All lines of an ipsec.conf that set something or start a section."""
    for number, line in enumerate(text.split("\n"), 1):
        if line[:1] in (" ", "\t"):
            key, equals, value = line.partition("=")
            key = key.strip()
            if equals and key and key[0] != "#":
                yield Setting(number, key, value.partition(" #")[0].strip().strip('"'))
        else:
            words = line.split()
            if words and words[0][0] != "#":
                yield Setting(number, words[0], " ".join(words[1:]), header=True)
