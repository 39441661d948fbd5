# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions are compared as numbers, whoever wrote them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.base.version import numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6.12.117+deb13-amd64", (6, 12, 117)),
        ("6.1.0-56-cloud-amd64", (6, 1, 0, 56)),
        ("6.12.86-1", (6, 12, 86, 1)),
        ("4.10-2+deb12u1", (4, 10, 2)),
        ("5.9.8-r0", (5, 9, 8)),
        ("7.2~rc1", (7, 2)),
        ("6.18rc3", (6, 18)),
        ("6", (6,)),
        ("", ()),
        ("v6.1", ()),
        ("6..1", (6,)),
        ("6.99999999999", (6,)),
        ("\u0666.1", ()),
    ],
)
def test_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert numbers(text) == expected


@given(st.lists(st.integers(0, 99_999), min_size=1, max_size=6), st.sampled_from(".-"))
def test_they_are_what_was_written(version: list[int], separator: str) -> None:
    assert numbers(separator.join(map(str, version))) == tuple(version)
