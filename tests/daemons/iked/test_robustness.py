# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in the file, there is a reading or a ConfigError: 100,000 examples."""

from collections.abc import Callable
from random import Random

import pytest

from modprobe_ipsec.base.errors import ConfigError
from tests.daemons.mutation import mutated

from .common import read
from .configurations import WRITTEN, made

MUTATED = 100_000
# What means something to the lexer, to the grammar, or to Python.
ODD = ["\\", "0x", "\n", "\\\n", '"', "'", "#", "$", "$x", "=", "/", "(", ")", "{", "}", ",", "-",
       "1", "\0", "\1", "\2", "\t", "\r", "\x85", "\xe9", "9" * 5000, "a" * 9000, "ikev2 ",
       "childsa ",
       "enc ", "auth ", "esn ", "from ", "to ", "any ", "peer ", "psk ", "x = ", "set decouple\n",
       'include "/etc/iked.conf"\n', 'include "/etc/other"\n', "\u0661", "\u00b2", "\udc80",
       "\U0001f600"]  # fmt: skip


@pytest.mark.fuzz
def test_mutated(rounds: Callable[[int], int]) -> None:
    random = Random(7)  # noqa: S311
    originals = [text for text in WRITTEN.values() if len(text) < 2000]
    refused = with_needs = 0
    for _ in range(rounds(MUTATED)):
        text = random.choice(originals) if random.random() < 0.5 else made(random)
        try:
            reading = read(mutated(random, text, ODD), other=random.choice(originals))
        except ConfigError as error:
            assert error.message.isprintable() and len(error.message) < 1000
            continue
        refused += any(problem.refuses for problem in reading.problems)
        with_needs += bool(reading.needs)
        for problem in reading.problems:
            assert len(problem.text) < 1000
        names = [need.label for need in reading.needs]
        assert len(set(names)) == len(names)
        assert not any(need.impossible for need in reading.needs)
    assert refused and with_needs
