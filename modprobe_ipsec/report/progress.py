# SPDX-License-Identifier: GPL-3.0-or-later
"""A bar on stderr for work that takes longer than a blink."""

import time

from modprobe_ipsec.base.annotations import TextIO

_DELAY_SECONDS = 0.5
_WIDTH = 30


class Progress:
    """Draws `label [#####.....] 5/10` once half a second has passed, on a terminal only."""

    __slots__ = ("_drawn", "_label", "_start", "_stream")

    def __init__(self, stream: TextIO, label: str) -> None:
        self._stream, self._label = stream, label
        self._start, self._drawn = time.monotonic(), False

    def show(self, done: int, total: int) -> None:
        """So many of so many steps are finished."""
        late = time.monotonic() - self._start >= _DELAY_SECONDS
        if not total or not self._stream.isatty() or not late:
            return
        filled = _WIDTH * done // total
        bar = "#" * filled + "." * (_WIDTH - filled)
        self._stream.write(f"\r{self._label} [{bar}] {done}/{total}")
        self._stream.flush()
        self._drawn = True

    def clear(self) -> None:
        """Nothing of it stays."""
        if self._drawn:
            self._stream.write("\r\033[K")
            self._stream.flush()
