# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of sections in brackets and `key=value`: systemd's, and GLib's key files.

source: systemd src/shared/conf-parser.c config_parse(); GLib glib/gkeyfile.c
"""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.base.value import Value


class IniEntry(Value):
    """One line that sets something."""

    line: int
    section: str
    key: str
    value: str


def entries(text: str, *, joined: bool) -> Iterator[IniEntry]:
    """All of them, in order; `joined`: a backslash at the end of a line takes in the next one."""
    section, begun, start = "", "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if line[:1] in ("#", ";"):
            # also in the middle of what goes on
            continue
        if not begun:
            start = number
        line = begun + line
        if joined and line.endswith("\\"):
            begun = line[:-1] + " "
            continue
        begun = ""
        if line[:1] == "[" and line[-1:] == "]":
            section = line[1:-1]
            continue
        key, equals, value = line.partition("=")
        if equals:
            yield IniEntry(start, section, key.strip(), value.strip())
