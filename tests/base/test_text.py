# SPDX-License-Identifier: GPL-3.0-or-later
"""What leaves is cut, counted, and does nothing but show."""

from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.base.text import LINE, SHOWN, cut, first, line, name


@given(st.text(max_size=40), st.integers(1, 200))
def test_every_line_has_an_end(text: str, times: int) -> None:
    for function in (line, name):
        said = function(text * times)
        assert len(said) <= LINE
        assert said.isprintable()
    assert line(text) == line(line(text))


def test_what_is_wrong_stands_at_the_end() -> None:
    said = cut(f"/{'x' * 5000}: permission denied")
    assert len(said) == LINE
    assert said.startswith("/xxx")
    assert said.endswith("xxx: permission denied")
    assert "(5020 characters)" in said


def test_the_first_of_many() -> None:
    assert first(range(3)) == ([0, 1, 2], 0)
    assert first(range(SHOWN + 7)) == (list(range(SHOWN)), 7)
