# SPDX-License-Identifier: GPL-3.0-or-later
"""`make fuzz TARGET=NAME SECONDS=N`: one parser, as long as you like.

python -m tests.hostile.fuzz NAME [--seconds N | --count N] [--seed N]

What it finds is written to tests/hostile/corpus/NAME/, where every test run tries it again.
"""

import argparse
import hashlib
import resource
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import FrameType

from modprobe_ipsec.base.errors import Bug, Error

from .targets import TARGETS, Target

CORPUS = Path(__file__).parent / "corpus"
# Of processor time, for one input, and of memory for all of them.
SECONDS = 1.0
MEGABYTES = 64
# Characters of an input.
LONGEST = 1 << 16


class Hang(BaseException):
    """One input took too long."""


def _hang(number: int, frame: FrameType | None) -> None:
    raise Hang


def seeds(name: str) -> list[bytes]:
    """What a target usually reads, and what was found before."""
    kept = sorted((CORPUS / name.replace(" ", "-")).glob("*"))
    return [*TARGETS[name].seeds(), *(path.read_bytes() for path in kept)]


def mutated(random: Random, data: bytes, others: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """An input that is like another one."""
    for _ in range(random.choice((1, 1, 2, 3, 5, 9))):
        at, end = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
        match random.randrange(9):
            case 0:
                data = data[:at] + random.choice(words) + data[at:]
            case 1:
                data = data[:at] + data[min(end, at + 10) :]
            case 2:
                data = data[:at] + random.choice(words) + data[at + 1 :]
            case 3:
                data = data[:at] + data[at : at + 80] + data[at:]
            case 4:
                data = data[:at] + data[end : end + 40] + data[at:]
            case 5:
                data = data[:at] + random.randbytes(random.randint(1, 4)) + data[at + 1 :]
            case 6:
                other = random.choice(others)
                start = random.randint(0, len(other))
                data = data[:at] + other[start : start + random.randint(1, 200)] + data[at:]
            case 7:
                word = random.choice(words)
                times = min(random.choice((2, 50, 3000)), LONGEST // len(word) + 1)
                data = data[:at] + word * times + data[at:]
            case _:
                data = data[:at]
    return data[:LONGEST]


def tried(target: Target, data: bytes) -> str:
    """What is wrong with what a parser does; empty if nothing is."""
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        target.read(data)
    except Bug as error:
        return f"a bug: {error.message}"
    except Error as error:
        said = f"{error.message} {error.hint}"
        return "" if len(error.message) < 5000 and said else "an error without words"
    except Hang:
        return f"takes more than {SECONDS:g} s"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return ""


def run(name: str, *, seconds: float = 1e9, count: int = 1 << 60, seed: object = 0) -> list[str]:
    """Try inputs; what was wrong, each with the file that shows it."""
    target, random = TARGETS[name], Random(f"{name} {seed}")  # noqa: S311
    signal.signal(signal.SIGVTALRM, _hang)
    words = [word if isinstance(word, bytes) else word.encode() for word in target.words]
    known = seeds(name)
    found = [why for data in known if (why := tried(target, data))]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    until, number = time.monotonic() + seconds, 0
    while number < count and time.monotonic() < until and len(found) < 10:
        number += 1
        data = mutated(random, random.choice(known), known, words)
        why = tried(target, data)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
        if not why and grown > MEGABYTES:
            why, before = f"took {grown} MB", before + (grown << 10)
        if why:
            place = CORPUS / name.replace(" ", "-")
            place.mkdir(parents=True, exist_ok=True)
            path = place / hashlib.sha256(data).hexdigest()[:16]
            path.write_bytes(data)
            found.append(f"{why}: {path}")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    print(f"{name}: {number} inputs, {grown} MB more than at the start, {len(found)} wrong")
    return found


def main() -> int:
    """The program."""
    options = argparse.ArgumentParser(prog="make fuzz")
    options.add_argument("target", choices=[*TARGETS, "all"])
    options.add_argument("--seconds", type=float, default=1e9)
    options.add_argument("--count", type=int, default=1 << 60)
    options.add_argument("--seed", default="0")
    asked = options.parse_args()
    found: list[str] = []
    for name in TARGETS if asked.target == "all" else (asked.target,):
        found += run(name, seconds=asked.seconds, count=asked.count, seed=asked.seed)
    print("".join(f"{line}\n" for line in found), end="")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
