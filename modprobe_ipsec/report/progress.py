# SPDX-License-Identifier: GPL-3.0-or-later
"""A bar on stderr for work that takes longer than a blink."""

import time

from modprobe_ipsec.base.annotations import TextIO, TracebackType

_DELAY_SECONDS = 0.5
_WIDTH = 30


class Bar:
    """Draws `label [#####.....] 5/10` once half a second has passed, on a terminal only."""

    def __init__(self, stream: TextIO, label: str) -> None:
        self._stream = stream
        self._label = label
        self._start = time.monotonic()
        self._drawn = False

    def show(self, done: int, total: int) -> None:
        """`done` of `total` steps are finished."""
        if not total or not self._stream.isatty():
            return
        if time.monotonic() - self._start < _DELAY_SECONDS:
            return
        filled = _WIDTH * done // total
        bar = "#" * filled + "." * (_WIDTH - filled)
        self._stream.write(f"\r{self._label} [{bar}] {done}/{total}")
        self._stream.flush()
        self._drawn = True

    def __enter__(self) -> "Bar":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._drawn:
            self._stream.write("\r\033[K")
            self._stream.flush()
