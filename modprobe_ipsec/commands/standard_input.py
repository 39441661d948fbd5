# SPDX-License-Identifier: GPL-3.0-or-later
"""Standard input, for a file that is called `-`."""

import sys

from modprobe_ipsec.base.errors import ConfigError

NAME = "-"


def read(limit: int) -> bytes:
    """All of it. Raises ConfigError if there is none, or more than `limit` bytes."""
    # Python has no sys.stdin if it was started without one
    if sys.stdin is None:
        raise ConfigError(f"{NAME}: standard input is closed")
    try:
        found = sys.stdin.buffer.read(limit + 1)
    except OSError as error:
        raise ConfigError(f"{NAME}: standard input: {error.strerror}") from None
    if len(found) > limit:
        raise ConfigError(f"{NAME}: standard input has more than {limit} bytes")
    return found
