# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML without its traps: what is not plainly a text, a whole number or true/false is an error.

YAML 1.1 reads `no` as false, `010` as 8, `5.10` as 5.1, `1:20` as 80 and keeps the last of two
equal keys. Here each of these is an error with file and line; quotes make any of them a text.
"""

import re
from typing import Any, NoReturn

import yaml

from modprobe_ipsec.catalog.table import Table
from modprobe_ipsec.errors import ConfigError

# The wheel and Debian's package bring the C parser, eight times as fast; a source build may not.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z")
_TRAP = re.compile(
    r"""(?:y|n|yes|no|on|off|null|~|                # booleans and null under other names
        [-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:e[-+]?[0-9]+)?|  # octal, floats, signs, underscores
        [-+]?\.[0-9_]+|[-+]?\.(?:inf|nan)|
        0[xo][0-9a-f_]+|0b[01_]+|
        [0-9]+(?::[0-9]+)+(?:\.[0-9]*)?|            # 1:20 is 80
        [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)\Z""",
    re.VERBOSE | re.IGNORECASE,
)


class _Loader(_Base):  # type: ignore[misc]  # yaml's classes are chosen at run time
    """Builds `Table`, list, str, int and bool, and nothing else."""

    name = ""


# Every plain scalar is a text to the parser; `_scalar` looks closer.
_Loader.yaml_implicit_resolvers = {}


def _fail(loader: Any, node: Any, what: str) -> NoReturn:
    raise ConfigError(f"{loader.name}:{node.start_mark.line + 1}: {what}")


def _scalar(loader: Any, node: Any) -> str | int | bool:
    text: str = node.value
    # the C parser says "" for a plain scalar, the Python one None
    if node.style:
        return text
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.match(text):
        return int(text)
    if not text or _TRAP.match(text):
        _fail(loader, node, f"YAML may read `{text}` as something else: put it in quotes")
    return text


def _mapping(loader: Any, node: Any) -> Table:
    table = Table()
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node)
        if not isinstance(key, str):
            _fail(loader, key_node, "a key must be a text")
        if key in table:
            _fail(loader, key_node, f"`{key}` stands here twice")
        table[key] = loader.construct_object(value_node, deep=True)
        table.lines[key] = key_node.start_mark.line + 1
    return table


def _sequence(loader: Any, node: Any) -> list[Any]:
    return [loader.construct_object(child, deep=True) for child in node.value]


def _unknown(loader: Any, node: Any) -> NoReturn:
    _fail(loader, node, f"the tag {node.tag} has no meaning here")


_Loader.yaml_constructors = {
    "tag:yaml.org,2002:str": _scalar,
    "tag:yaml.org,2002:map": _mapping,
    "tag:yaml.org,2002:seq": _sequence,
    None: _unknown,
}


def parse(text: str, name: str) -> Table:
    """Read one YAML document that is a mapping; `name` is how errors call it.

    Raises ConfigError with file and line.
    """
    loader = _Loader(text)
    loader.name = name
    try:
        document = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{name}:{line}: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{name}: {error}") from None
    finally:
        loader.dispose()
    if not isinstance(document, Table):
        raise ConfigError(f"{name}:1: a mapping is expected")
    return document
