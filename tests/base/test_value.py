# SPDX-License-Identifier: GPL-3.0-or-later
"""Values behave as typing.NamedTuple does, which a type checker takes them for."""

import copy
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from modprobe_ipsec.base.value import Value


class Ours(Value):
    """A value."""

    name: str
    size: int = 4
    tags: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.name} {self.size}"


class Theirs(NamedTuple):
    """The same as typing has it."""

    name: str
    size: int = 4
    tags: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.name} {self.size}"


CALLS: dict[str, Callable[[Any], Any]] = {
    "all by position": lambda kind: kind("a", 1, ("b",)),
    "defaults": lambda kind: kind("a"),
    "by name": lambda kind: kind(tags=("b",), name="a"),
    "both": lambda kind: kind("a", tags=("b",)),
    "replaced": lambda kind: kind("a")._replace(size=8),
    "from a sequence": lambda kind: kind._make(["a", 1, ()]),
    "unpickled": lambda kind: pickle.loads(pickle.dumps(kind("a", 2))),  # noqa: S301
    "copied": lambda kind: copy.deepcopy(kind("a", 2)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_is_made_is_what_a_named_tuple_is(call: Callable[[Any], Any]) -> None:
    ours, theirs = call(Ours), call(Theirs)
    assert tuple(ours) == tuple(theirs) and hash(ours) == hash(theirs)
    assert (ours.name, ours.size, ours.tags) == (theirs.name, theirs.size, theirs.tags)
    assert ours._asdict() == theirs._asdict()
    assert ours.label == theirs.label
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")


@pytest.mark.parametrize(
    "call",
    [
        lambda kind: kind(),
        lambda kind: kind("a", 1, (), 2),
        lambda kind: kind("a", 1, (), name="b"),
        lambda kind: kind("a", other=1),
        lambda kind: kind("a", name="b"),
        lambda kind: kind("a")._replace(other=1),
        lambda kind: setattr(kind("a"), "name", "b"),
        lambda kind: setattr(kind("a"), "other", "b"),
    ],
)
def test_what_a_named_tuple_refuses_is_refused(call: Callable[[Any], Any]) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)) as theirs:
        call(Theirs)
    with pytest.raises(theirs.type):
        call(Ours)


def test_a_match_may_take_its_fields_by_position() -> None:
    match Ours("a"):
        case Ours(name, size, _):
            assert (name, size) == ("a", 4)
        case _:
            pytest.fail("no match")


def test_a_field_without_a_default_does_not_follow_one_with() -> None:
    space = {"__annotations__": {"a": int, "b": int}, "a": 1}
    with pytest.raises(TypeError):
        type("Wrong", (Value,), space)
