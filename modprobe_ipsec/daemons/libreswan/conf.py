# SPDX-License-Identifier: GPL-3.0-or-later
"""/etc/ipsec.conf as libreswan reads it: its connections, with all that adds up to them."""

from modprobe_ipsec.base.annotations import Iterable, Sequence
from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.daemons.libreswan.also import AlsoResolver, Conn, Settings
from modprobe_ipsec.daemons.libreswan.lines import Assignment
from modprobe_ipsec.daemons.libreswan.options import Release
from modprobe_ipsec.daemons.libreswan.sections import SectionReader
from modprobe_ipsec.needs.reading import Files, Problem


class Config(Value):
    """All that was read."""

    setup: Settings
    # Made one by one: each has all of %default.
    conns: Iterable[Conn]
    problems: Sequence[Problem]
    # What is left for what the connections ask.
    budget: Budget


def load(
    path: str, files: Files, release: Release, known: dict[str, Assignment] | None = None
) -> Config:
    """Read a file with all that it includes; `known`: as SectionReader's. Raises ConfigError."""
    budget = Budget()
    reader = SectionReader(files, release, {} if known is None else known, budget)
    reader.file(path, files.text(path), ())
    if reader.notes.first_unreadable and not reader.known:
        first = reader.notes.first_unreadable
        raise ConfigError(
            f"{path} is no ipsec.conf: it has no `conn` and no `config setup`; {first.place}: "
            f"{first.text}",
            "name the daemon's configuration file: --config FILE",
        )
    conns = AlsoResolver(reader.sections, release, budget).conns()
    return Config(reader.setup.settings, conns, reader.notes.problems, budget)
