# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of iked.conf is what OpenIKED 7.2 itself reads: whether, and which transforms."""

from random import Random

import pytest

from modprobe_ipsec.daemons.iked.parser import parse
from tests.daemons.texts import Texts

from .common import CONF, TABLES, conf, printed, read
from .configurations import WRITTEN, made
from .oracle import Answer, ask

GENERATED = 500


@pytest.fixture(scope="module")
def written() -> dict[str, Answer]:
    """iked's answers about those that are written by hand."""
    files = {name.replace(" ", "-"): text for name, text in WRITTEN.items()}
    answers = ask(files)
    return {name: answers[name.replace(" ", "-")] for name in WRITTEN}


def compare(text: str, answer: Answer) -> str:
    """How our reading differs from iked's; empty if it does not."""
    ours = conf(text)
    mistakes = "; ".join(f"{mistake.place}: {mistake.text}" for mistake in ours.mistakes)
    if answer.accepted is bool(ours.mistakes):
        return f"{text!r}\niked: {answer.said[-500:]}\nhere: {mistakes or 'no mistake'}"
    if not answer.accepted:
        return ""
    policies = tuple(map(printed, ours.policies))
    return "" if policies == answer.policies else f"{text!r}\n{answer.policies}\n{policies}"


@pytest.mark.oracle
@pytest.mark.parametrize("name", WRITTEN)
def test_written(name: str, written: dict[str, Answer]) -> None:
    assert compare(WRITTEN[name], written[name]) == ""


@pytest.mark.oracle
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o660, 0o650, 0o604])
def test_who_else_may_read_it(mode: int) -> None:
    answer = ask({"plain": WRITTEN["plain"]}, mode)["plain"]
    reading = read(WRITTEN["plain"], modes={CONF: (0, 0o100000 | mode)})
    assert answer.accepted is not any(problem.refuses for problem in reading.problems)


@pytest.mark.oracle
@pytest.mark.parametrize("last", ["", "\n", "ikev2 {", " # x"])
def test_included(last: str) -> None:
    """What stands behind the file's name is read after that file, whose last line needs no end."""
    inner = f'{WRITTEN["ctr"]}x = "aes-192"{last}'
    outer = f'include "@HERE@/inner" {WRITTEN["gcm"]}y = $x\n{WRITTEN["child"]}'
    outer += WRITTEN["plain"].replace("psk", "childsa enc $y psk")
    answer = ask({"outer": outer, "inner": inner})["outer"]
    outer = outer.replace("@HERE@", "/etc")
    found = read(outer, inner=inner)
    assert answer.accepted is not any(problem.refuses for problem in found.problems)
    assert answer.accepted is (last != "ikev2 {")
    if answer.accepted:
        ours = parse(CONF, Texts({CONF: outer, "/etc/inner": inner}), TABLES)
        assert tuple(map(printed, ours.policies)) == answer.policies
        assert [policy.place.line for policy in ours.policies] == [1, 1, 3, 4]


@pytest.mark.oracle
def test_generated() -> None:
    random = Random(20261128)  # noqa: S311
    texts = {f"{number:03}": made(random) for number in range(GENERATED)}
    answers = ask(texts)
    wrong = [found for name, text in texts.items() if (found := compare(text, answers[name]))]
    assert not wrong, "\n\n".join(wrong[:5])
    accepted = sum(answer.accepted for answer in answers.values())
    assert GENERATED // 4 < accepted < GENERATED * 3 // 4
