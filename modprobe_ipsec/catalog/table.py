# SPDX-License-Identifier: GPL-3.0-or-later
"""A mapping that still knows where it came from."""


class Table(dict[str, object]):
    """A mapping of the map, with the line of each of its keys."""

    __slots__ = ("lines",)

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}
