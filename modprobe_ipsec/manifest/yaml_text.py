# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain values -> YAML that every reader, of YAML 1.1 or 1.2, understands in the same way."""

import re

import yaml

# Texts, whole numbers, true/false, and mappings and lists of these.
Plain = str | int | bool | list["Plain"] | dict[str, "Plain"]

# Words that no version of YAML takes for anything but a text: neither a number (1, 0x1f, 1e3, 1:20,
# 2026-11-23) nor a word for true, false or null. All others are put in quotes.
_WORD = re.compile(r"[A-Za-z/][A-Za-z0-9_./+-]*(?: [A-Za-z0-9_./+-]+)*")
_TRAP = re.compile(r"(?:y|n|yes|no|on|off|true|false|null)", re.IGNORECASE)


class _Dumper(yaml.SafeDumper):
    """Lists are indented, as yamllint wants them, and nothing is an anchor."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    is_word = _WORD.fullmatch(text) and not _TRAP.fullmatch(text)
    # the emitter takes quotes where a block cannot hold it
    style = None if is_word else "|" if "\n" in text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(value: Plain) -> str:
    """A document in block style, in the order of the value."""
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=1 << 30
    )
