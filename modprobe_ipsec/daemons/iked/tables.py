# SPDX-License-Identifier: GPL-3.0-or-later
"""The words for transforms in data/daemons/iked.yaml, and what becomes of them on Linux."""

from modprobe_ipsec.base.annotations import Mapping, Sequence
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.row import Row
from modprobe_ipsec.daemons.common.descriptor import Release


class Tables(Value):
    """Words by kind, in the order of parse.y."""

    # For `childsa`: enc, auth, prf, group. `ikesa` stands for enc there, where there are fewer.
    kinds: Mapping[str, tuple[str, ...]]
    methods: tuple[str, ...]
    keywords: frozenset[str]
    # What `set` takes without a value.
    switches: frozenset[str]
    # Of `config` and `request`, with the address families that each goes with.
    config: Mapping[str, tuple[str, ...]]
    # Ciphers with integrity of their own.
    implicit: frozenset[str]
    # What is negotiated and then fails, with the reason.
    fails: Mapping[str, str]


def tables(tree: Mapping[str, object], release: Release | None = None) -> Tables:
    """The part of iked.yaml that is about the grammar, as a release has it, or the newest.

    Raises ConfigError with file and line.
    """
    row = Row(tree, "daemons/iked", 1)
    since = row.sub("since")
    new = {
        word
        for word in since.table
        if release and release < since.version(word, since.take(word, str))
    }
    switches = row.texts("switches")
    kinds = row.sub("tables")
    config = row.sub("config")
    return Tables(
        kinds={kind: kinds.texts(kind) for kind in kinds.table},
        methods=row.texts("methods"),
        keywords=frozenset((*row.texts("keywords"), *switches)) - new,
        switches=frozenset(switches),
        config={name: config.texts(name) for name in config.table},
        implicit=frozenset(row.texts("implicit")),
        fails=row.sub("fails").words(),
    )


def lookup(word: str, table: Sequence[str]) -> str | None:
    """The first entry that begins with the word, which may be cut short: `aes` is aes-128.

    source: iked/parse.y parse_xf
    """
    return next((entry for entry in table if entry.startswith(word)), None)
