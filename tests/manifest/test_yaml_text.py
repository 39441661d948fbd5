# SPDX-License-Identifier: GPL-3.0-or-later
"""Our YAML means the same to our strict reader, to PyYAML's YAML 1.1, and to YAML 1.2."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from modprobe_ipsec.catalog.strict_yaml import parse
from modprobe_ipsec.manifest.yaml_text import dump

TRAPS = "no yes on off y N null ~ true 010 5.10 1:20 0x1f 1e3 1_000 .5 -1 = << 2026-11-23 0o7 .inf"
WORDS = TRAPS.split()
TEXTS = st.one_of(
    st.sampled_from([*WORDS, "", " ", "a: b", "a #b", "- a", "{x}", "a\n", "\n", " a\nb\n", "@"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.text("ab \n#:", max_size=12),
)
SCALARS = st.one_of(TEXTS, st.booleans(), st.integers(0, 99999))
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda children: st.one_of(
        st.lists(children, max_size=4), st.dictionaries(TEXTS, children, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_it_is_read_back_as_it_was(value: dict[str, Any]) -> None:
    text = dump(value)
    assert parse(text, "x") == value
    assert yaml.safe_load(text) == value
    # YAML 1.2 differs only in what plain words mean; ours are never anything but texts there
    tokens = [token for token in yaml.scan(text) if isinstance(token, yaml.ScalarToken)]
    for word in (token.value for token in tokens if token.plain):
        assert word in ("true", "false") or word.isdecimal() or yaml.safe_load(word) == word


def test_it_looks_as_people_write_it() -> None:
    value: Any = {"a": [1, "x y"], "b": {"c": "no"}, "d": [{"e": {}}], "h": "i\n  j\n"}
    text = 'a:\n  - 1\n  - x y\nb:\n  c: "no"\nd:\n  - e: {}\nh: |\n  i\n    j\n'
    assert dump(value) == text
