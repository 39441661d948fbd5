# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that annotations are made of, without `typing` and `collections`.

These two are a third of what a quick check would take, and nothing at run time needs them. A type
checker sees the originals; at run time there are the abstract classes that Python itself starts
with, and stand-ins for the rest.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from types import FrameType, ModuleType, TracebackType
    from typing import Any, NoReturn, Protocol, Self, TextIO, TypeVar, assert_never
else:
    from _collections_abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    Any = NoReturn = Protocol = Self = TextIO = object
    FrameType = ModuleType = TracebackType = object

    def TypeVar(name, *kinds, bound=object):
        """What an annotation with a type variable is evaluated to."""
        return bound

    def assert_never(value):
        """Where only a mistake of ours can lead."""
        raise AssertionError(f"not expected here: {value!r}")


__all__ = [
    "Any",
    "Callable",
    "Collection",
    "FrameType",
    "Iterable",
    "Iterator",
    "Mapping",
    "ModuleType",
    "NoReturn",
    "Protocol",
    "Self",
    "Sequence",
    "TextIO",
    "TracebackType",
    "TypeVar",
    "assert_never",
]
