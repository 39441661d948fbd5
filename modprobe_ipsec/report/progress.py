# SPDX-License-Identifier: GPL-3.0-or-later
"""A bar on stderr for work that takes longer than a blink."""

import time
from contextlib import contextmanager

from modprobe_ipsec.base.annotations import Callable, Iterator, TextIO

_DELAY_SECONDS = 0.5
_WIDTH = 30


@contextmanager
def progress(stream: TextIO, label: str) -> Iterator[Callable[[int, int], None]]:
    """Draws `label [#####.....] 5/10` once half a second has passed, on a terminal only.

    Call what it gives with how many steps of how many are finished; the bar is gone afterwards.
    """
    start = time.monotonic()
    drawn = False

    def show(done: int, total: int) -> None:
        nonlocal drawn
        if not total or not stream.isatty() or time.monotonic() - start < _DELAY_SECONDS:
            return
        filled = _WIDTH * done // total
        bar = "#" * filled + "." * (_WIDTH - filled)
        stream.write(f"\r{label} [{bar}] {done}/{total}")
        stream.flush()
        drawn = True

    try:
        yield show
    finally:
        if drawn:
            stream.write("\r\033[K")
            stream.flush()
