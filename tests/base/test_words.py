# SPDX-License-Identifier: GPL-3.0-or-later
"""Our StrEnum behaves as enum.StrEnum does, which a type checker takes it for."""

import copy
import enum
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from modprobe_ipsec.base.value import StrEnum


class Ours(StrEnum):
    """Words."""

    GOOD = "good"
    BAD = "bad"

    @property
    def number(self) -> int:
        return 1 if self is Ours.GOOD else 2


class Theirs(enum.StrEnum):
    """The same as enum has it."""

    GOOD = "good"
    BAD = "bad"

    @property
    def number(self) -> int:
        return 1 if self is Theirs.GOOD else 2


LOOKS: dict[str, Callable[[Any], Any]] = {
    "list": lambda kind: [str(word) for word in kind],
    "length": len,
    "text": lambda kind: f"{kind.BAD} {kind.BAD.value} {kind.BAD.name} {kind.BAD.upper()}",
    "property": lambda kind: kind.BAD.number,
    "equal to its text": lambda kind: (kind.GOOD == "good", hash(kind.GOOD) == hash("good")),
    "JSON": lambda kind: json.dumps({kind.GOOD: [kind.BAD]}),
    "inside": lambda kind: (kind.GOOD in kind, kind.GOOD in (kind.BAD, "good")),
    "repr": lambda kind: repr(kind.GOOD).replace("Theirs", "Ours"),
    "a kind of text": lambda kind: (isinstance(kind.GOOD, str), isinstance(kind.GOOD, kind)),
}
SAME: dict[str, Callable[[Any], Any]] = {
    "by its text": lambda kind: kind("good"),
    "of itself": lambda kind: kind(kind.GOOD),
    "copied": lambda kind: copy.deepcopy(kind.GOOD),
    "unpickled": lambda kind: pickle.loads(pickle.dumps(kind.GOOD)),  # noqa: S301
    "iterated": lambda kind: next(iter(kind)),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_it_looks_as_an_enumeration_does(look: Callable[[Any], Any]) -> None:
    assert look(Ours) == look(Theirs)


@pytest.mark.parametrize("get", SAME.values(), ids=SAME)
def test_there_is_one_object_for_each_word(get: Callable[[Any], Any]) -> None:
    assert get(Ours) is Ours.GOOD
    assert get(Theirs) is Theirs.GOOD


def test_another_word_is_an_error() -> None:
    for kind in (Ours, Theirs):
        with pytest.raises(ValueError, match="ugly"):
            kind("ugly")
