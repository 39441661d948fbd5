# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain values -> YAML that every reader, of YAML 1.1 or 1.2, understands in the same way."""

import json
import re

from modprobe_ipsec.base.annotations import Iterator

# Texts, whole numbers, true/false, and mappings and lists of these.
Plain = str | int | bool | list["Plain"] | dict[str, "Plain"]

# Words that no version of YAML takes for anything but a text: neither a number (1, 0x1f, 1e3, 1:20,
# 2026-11-23) nor a word for true, false or null. All others are put in double quotes.
_WORD = re.compile(r"[A-Za-z/][A-Za-z0-9_./+-]*(?: [A-Za-z0-9_./+-]+)*")
_TRAP = re.compile(r"(?:y|n|yes|no|on|off|true|false|null)", re.IGNORECASE)
_WIDTH = 96


def dump(value: Plain) -> str:
    """A document. A mapping or list in which nothing is nested is one line where it fits."""
    return "".join(f"{line}\n" for line in _block(value, 0))


def _block(value: Plain, indent: int) -> Iterator[str]:
    space = " " * indent
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _entry(f"{space}{_scalar(key)}:", child, indent)
    elif isinstance(value, list):
        for child in value:
            if not isinstance(child, dict) or _flow(child, _WIDTH - indent - 2):
                yield from _entry(f"{space}-", child, indent)
            else:
                first, *rest = _block(child, indent + 2)
                yield f"{space}- {first.lstrip(' ')}"
                yield from rest
    else:
        yield f"{space}{_scalar(value)}"


def _entry(start: str, child: Plain, indent: int) -> Iterator[str]:
    if not isinstance(child, dict | list):
        if isinstance(child, str) and "\n" in child and _is_literal(child):
            yield f"{start} |"
            yield from (f"{' ' * (indent + 2)}{line}".rstrip() for line in child[:-1].split("\n"))
        else:
            yield f"{start} {_scalar(child)}"
        return
    flow = _flow(child, _WIDTH - len(start) - 1)
    if flow:
        yield f"{start} {flow}"
    else:
        yield start
        yield from _block(child, indent + 2)


def _is_literal(text: str) -> bool:
    """Whether a literal block holds it: printable lines, the first not indented, one end."""
    lines = text.split("\n")
    fits = all(line.isprintable() and not line.endswith(" ") for line in lines)
    return fits and text.endswith("\n") and lines[-2] != "" and lines[0][:1] not in ("", " ")


def _flow(value: Plain, room: int) -> str:
    """On one line, if nothing is nested in it but a list of scalars, and it fits."""
    if isinstance(value, list):
        if any(isinstance(child, dict | list) or _has_lines(child) for child in value):
            return ""
        text = f"[{', '.join(map(_scalar, value))}]"
    elif isinstance(value, dict):
        parts = []
        for key, child in value.items():
            if isinstance(child, dict) or _has_lines(child):
                return ""
            part = _flow(child, room) if isinstance(child, list) else _scalar(child)
            if not part:
                return ""
            parts.append(f"{_scalar(key)}: {part}")
        text = f"{{{', '.join(parts)}}}"
    else:
        return ""
    return text if len(text) <= room or text in ("[]", "{}") else ""


def _has_lines(value: Plain) -> bool:
    return isinstance(value, str) and "\n" in value


def _scalar(value: Plain) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if _WORD.fullmatch(text) and not _TRAP.fullmatch(text):
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    # as in JSON, but that YAML has no surrogates
    return json.dumps(char)[1:-1] if char <= "\uffff" else f"\\U{ord(char):08x}"
