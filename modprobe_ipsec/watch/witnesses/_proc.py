# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files of /proc, as this process sees them."""

import os

# No file that is read here is larger; what is beyond is not looked at.
_MOST = 1 << 18


def text(path: str) -> str:
    """A file below /proc; empty if it cannot be had."""
    try:
        fd = os.open(f"/proc/{path}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        found = b""
        while len(found) < _MOST and (chunk := os.read(fd, 65536)):
            found += chunk
        return found.decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)


def number(path: str, default: int) -> int:
    """A number that is all of a file; the default if it cannot be had."""
    try:
        return int(text(path))
    except ValueError:
        return default


def process(pid: int) -> str:
    """`charon (pid 123)`; the number alone where there is no such process any more."""
    name = text(f"{pid}/comm").strip()
    return f"{name} (pid {pid})" if name else f"netlink port {pid}"
