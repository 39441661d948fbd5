# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped options, files that are texts, and readings written as text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from modprobe_ipsec.catalog.model import Catalog, Family
from modprobe_ipsec.daemons.libreswan import conf as libreswan_conf
from modprobe_ipsec.daemons.libreswan import needs as libreswan_needs
from modprobe_ipsec.daemons.libreswan.also import Conn, Settings
from modprobe_ipsec.daemons.libreswan.options import libreswan_options
from modprobe_ipsec.needs.need import Source
from modprobe_ipsec.needs.reading import Problem, Reading
from tests.daemons.texts import Texts as Texts
from tests.shipped import CATALOG as CATALOG
from tests.shipped import daemon_tree

OPTIONS = libreswan_options(daemon_tree("libreswan"))
CONF = "/etc/ipsec.conf"
# Without its two ends no connection is taken.
ENDS = "conn %default\n\tleft=%defaultroute\n\tright=%any\n"
BOTH = (Family.IPV4, Family.IPV6)


def read(
    files: str | Mapping[str, str],
    *,
    families: tuple[Family, ...] = BOTH,
    version: tuple[int, ...] | None = (5, 4),
    fips: bool = False,
    vendor: str = "",
    catalog: Catalog = CATALOG,
) -> Reading:
    """Read /etc/ipsec.conf of some files, or from a text, to which the ends are added."""
    texts = {CONF: files + ENDS} if isinstance(files, str) else files
    return libreswan_needs.read(
        CONF,
        Texts(texts),
        catalog,
        families=families,
        version=version,
        fips=fips,
        options=OPTIONS,
        vendor=vendor,
    )


class Loaded(NamedTuple):
    """A configuration whose connections are all made."""

    conns: tuple[Conn, ...]
    setup: Settings
    problems: Sequence[Problem]


def load(files: Mapping[str, str], version: tuple[int, ...]) -> Loaded:
    """/etc/ipsec.conf of some files as a release of Debian's reads it. Raises ConfigError."""
    config = libreswan_conf.load(CONF, Texts(files), OPTIONS.at(version, "debian"))
    return Loaded(tuple(config.conns), config.setup, config.problems)


def lines(reading: Reading) -> Iterator[str]:
    """One line each: what is asked, and after `<` by whom. The start-up probe is left out."""
    for need in reading.needs:
        yield from _asked(need.label, need.sources)
    for feature in reading.features:
        family = f" {feature.family}" if feature.family else ""
        yield from _asked(f"feature {feature.feature}{family}", feature.sources)
    for silent in reading.silent:
        yield f"silent {silent.conn} < {silent.place}: {silent.why}"
    for problem in reading.problems:
        lost = f" loses {problem.conn}" if problem.conn else ""
        yield f"problem{lost} < {problem.place}: {problem.text}"


def _asked(what: str, sources: Iterable[Source]) -> Iterator[str]:
    by = [s.where.removeprefix("/etc/") for s in sources if "probe" not in s.where]
    if by:
        yield f"{what} < {', '.join(by)}"
