# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations in the manner of strongSwan's manual and test suite, each a tree of files.

`expected` beside each tree says what it asks for. To write all of them anew, then to read what has
changed: `python -m tests.daemons.strongswan.trees`.
"""

from pathlib import Path

from modprobe_ipsec.daemons.strongswan import daemon as strongswan_daemon

from .common import OPTIONS, STRONGSWAN, SWANCTL, Texts, lines, read

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())


def texts(case: Path) -> dict[str, str]:
    """Path on the host -> text of all files of a tree."""
    return {
        f"/{path.relative_to(case)}": path.read_bytes().decode()
        for path in sorted(case.rglob("*"))
        if path.is_file() and path.name != "expected"
    }


def outcome(case: Path) -> str:
    """What the tree asks for, in words."""
    found = texts(case)
    daemon = "charon-systemd" if SWANCTL in found else "charon"
    conf = strongswan_daemon.read(STRONGSWAN, Texts(found), options=OPTIONS, daemon=daemon)
    shown = conf if STRONGSWAN in found else None
    return "".join(f"{line}\n" for line in lines(read(found, daemon_conf=conf), shown))


if __name__ == "__main__":
    for each in CASES:
        (each / "expected").write_text(outcome(each))
