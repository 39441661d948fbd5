# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML without its traps: what is not plainly a text, a whole number or true/false is an error.

YAML 1.1 reads `no` as false, `010` as 8, `5.10` as 5.1, `1:20` as 80 and keeps the last of two
equal keys. Here each of these is an error with file and line; quotes make any of them a text.
"""

import re

import yaml

from modprobe_ipsec.base.annotations import Any, NoReturn
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.table import Table

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
    # Whether messages may quote the document.
    quotes = True


# Every plain scalar is a text to the parser; `_scalar` looks closer.
_Loader.yaml_implicit_resolvers = {}


def _fail(loader: Any, node: Any, what: str) -> NoReturn:
    raise ConfigError(f"{loader.name}:{node.start_mark.line + 1}: {what}")


def _quoted(loader: Any, text: str) -> str:
    return f"`{text}`" if loader.quotes else "`...`"


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
        _fail(
            loader,
            node,
            f"YAML may read {_quoted(loader, text)} as something else: put it in quotes",
        )
    return text


def _mapping(loader: Any, node: Any) -> Table:
    table = Table()
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node)
        if not isinstance(key, str):
            _fail(loader, key_node, "a key must be a text")
        if key in table:
            _fail(loader, key_node, f"{_quoted(loader, key)} stands here twice")
        table[key] = loader.construct_object(value_node, deep=True)
        table.lines[key] = key_node.start_mark.line + 1
    return table


def _sequence(loader: Any, node: Any) -> list[Any]:
    return [loader.construct_object(child, deep=True) for child in node.value]


def _unknown(loader: Any, node: Any) -> NoReturn:
    _fail(loader, node, "a tag has no meaning here")


_Loader.yaml_constructors = {
    "tag:yaml.org,2002:str": _scalar,
    "tag:yaml.org,2002:map": _mapping,
    "tag:yaml.org,2002:seq": _sequence,
    None: _unknown,
}


class Bounds(Value):
    """How much of a document is read at most: mappings in mappings, and scalars in all."""

    depth: int
    nodes: int


def parse_bounded(text: str, name: str, bounds: Bounds) -> Table:
    """Like `parse`, for a text that somebody may have made to fill the memory or the stack.

    An anchor or an alias is an error too, and no error quotes what stands there. Raises
    ConfigError with file and line.
    """
    depth = nodes = 0
    try:
        for event in yaml.parse(text, Loader=_Base):
            line = event.start_mark.line + 1 if event.start_mark else 1
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            nodes += isinstance(event, yaml.NodeEvent)
            if getattr(event, "anchor", None):
                raise ConfigError(f"{name}:{line}: anchors and aliases have no meaning here")
            if depth > bounds.depth:
                raise ConfigError(f"{name}:{line}: nested deeper than {bounds.depth}")
            if nodes > bounds.nodes:
                raise ConfigError(f"{name}:{line}: more than {bounds.nodes} values")
    except yaml.YAMLError as error:
        raise _unreadable(error, name) from None
    except UnicodeEncodeError:
        raise ConfigError(f"{name}:1: no text") from None
    return parse(text, name, quotes=False)


def _unreadable(error: yaml.YAMLError, name: str) -> ConfigError:
    """What the parser says, in one line."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        return ConfigError(f"{name}:{line}: {error.problem or error.context}")
    return ConfigError(f"{name}: {' '.join(str(error).split())}")


def parse(text: str, name: str, *, quotes: bool = True) -> Table:
    """Read one YAML document that is a mapping; `name` is how errors call it, `quotes`
    whether they may quote it.

    Raises ConfigError with file and line.
    """
    loader = _Loader(text)
    loader.name, loader.quotes = name, quotes
    try:
        document = loader.get_single_data()
    except yaml.YAMLError as error:
        raise _unreadable(error, name) from None
    except RecursionError as error:
        raise ConfigError(f"{name}: {error}") from None
    finally:
        loader.dispose()
    if not isinstance(document, Table):
        raise ConfigError(f"{name}:1: a mapping is expected")
    return document
