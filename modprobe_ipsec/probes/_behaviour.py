# SPDX-License-Identifier: GPL-3.0-or-later
"""A behaviour, what is known of it beforehand, and what this kernel answers: values. Pure."""

from errno import errorcode

from modprobe_ipsec.base.annotations import Callable, Mapping
from modprobe_ipsec.base.value import Value

# What the docstring of each behaviour says: what a standard or the daemons' authors want, and which
# kernels do it. Then comes what it means for an IKE daemon, by the name of its program.
HEADS = WANTED, KERNELS = "Wanted", "Kernels"

# Something was seen that no kernel does by itself: the cases tell what.
UNCLEAR = "unclear: something else happened"


class Reply(Value):
    """What the kernel does."""

    # In a few words.
    answer: str
    # What was seen: case and outcome.
    cases: tuple[tuple[str, str], ...]


def tried(do: Callable[..., object], *arguments: object) -> str:
    """`ok`, or the name of the error with which the kernel refuses."""
    try:
        do(*arguments)
    except OSError as error:
        return errorcode.get(error.errno or 0, str(error.errno))
    return "ok"


class Behaviour(Value):
    """One question, and what came of it."""

    # As `--lab` takes it.
    name: str
    question: str
    # The paragraphs behind it, by their heads.
    said: Mapping[str, str]
    # None if it could not be asked.
    reply: Reply | None = None
    # Why not.
    why: str = ""


def behaviour(name: str, docstring: str) -> Behaviour:
    """What is known of it beforehand."""
    question, *paragraphs = docstring.strip().split("\n\n")
    said = {}
    for paragraph in paragraphs:
        head, _, text = paragraph.partition(": ")
        said[head] = " ".join(text.split())
    return Behaviour(name, " ".join(question.split()), said)
