# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: a random sequence of changes beside --watch, with a log of its own.

Arguments: how many changes, the seed, seconds between two. Prints what was done and what was told,
as JSON; they are compared on the host.
"""

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from modprobe_ipsec.lab.workbench import Workbench
from tests.vm.guests.watch import text
from tests.vm.guests.watched import CONF, WHOSE, Watched, ready

# No need of the connections rests on these, ...
MODULES = ("anubis", "camellia_generic", "khazad", "xcbc")
# ... and on these some do; nobody loads them meanwhile.
FORBIDDEN = ("authencesn", "chacha20poly1305", "echainiv")
# How long a line stands at least, and is away (seconds): what comes and goes between two looks is
# not seen.
STANDS = 12.0


class Sequence:
    """The changes, and the log of them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.bench = Workbench()
        with self.bench.network.at(self.bench.network.b):
            self.watched = Watched("sequence", *WHOSE)
        self.log: list[tuple[str, str]] = []
        self._spi = 0x5000
        self._loaded: set[str] = set()
        self._changed: dict[str, float] = {}

    def step(self) -> None:
        """One change."""
        now = time.monotonic()
        rules = [name for name in FORBIDDEN if now - self._changed.get(name, 0) >= STANDS]
        kinds = ["module", "module", "sa"] + ["rule"] * 2 * bool(rules)
        kind = self.random.choice(kinds)
        if kind == "module":
            self._module(self.random.choice(MODULES))
        elif kind == "rule":
            self._rule(self.random.choice(rules), now)
        else:
            self._sa()

    def _module(self, name: str) -> None:
        loaded = name in self._loaded
        subprocess.run(["modprobe", *["-r"] * loaded, name], check=True)
        self._loaded ^= {name}
        self.log.append(("unloaded" if loaded else "loaded", name))

    def _rule(self, name: str, now: float) -> None:
        path = Path(f"/etc/modprobe.d/{name}.conf")
        stands = path.exists()
        if stands:
            path.unlink()
        else:
            path.write_text(f"install {name} /bin/false\n")
        self._changed[name] = now
        self.log.append(("allowed" if stands else "forbidden", name))

    def _sa(self) -> None:
        self._spi += 1
        family = self.random.choice(self.bench.families)
        sa = self.bench.pair(family, spi=self._spi, limits=(("hard_add_seconds", 1),)).there
        self.bench.b.add(sa)
        self.log.append(("expired", f"{self._spi:#x}"))


def main() -> None:
    count, seed, pause = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    CONF.write_text(text())
    sequence = Sequence(seed)
    ready(sequence.watched)
    # all that making the first SAs loads
    for family in sequence.bench.families:
        sequence.bench.b.add(sequence.bench.pair(family).there)
    time.sleep(5)
    first = len(sequence.watched.events())
    start = time.monotonic()
    for _ in range(count):
        sequence.step()
        time.sleep(pause)
    took = time.monotonic() - start
    time.sleep(STANDS)
    end: dict[str, Any] = sequence.watched.end()
    answer = {
        "log": sequence.log,
        "took": took,
        "told": end["events"][first:],
        "end": end["status"],
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
