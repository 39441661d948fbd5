# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are texts, the shipped tables, and readings in words."""

from collections.abc import Iterable, Iterator, Mapping

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.daemons.common.descriptor import Release
from modprobe_ipsec.daemons.strongswan import (
    daemon as strongswan_daemon,
)
from modprobe_ipsec.daemons.strongswan import (
    starter as strongswan_starter,
)
from modprobe_ipsec.daemons.strongswan import (
    swanctl,
)
from modprobe_ipsec.daemons.strongswan.daemon import DaemonConf
from modprobe_ipsec.daemons.strongswan.options import build
from modprobe_ipsec.needs.need import Source
from modprobe_ipsec.needs.reading import Reading
from tests.daemons.texts import Texts as Texts
from tests.shipped import CATALOG, daemon_tree

OPTIONS = build(daemon_tree("strongswan"))
BOTH = (Family.IPV4, Family.IPV6)

# Of what is read here, where a test does not say another.
RELEASE = (6, 0, 6)

SWANCTL = "/etc/swanctl/swanctl.conf"
IPSEC = "/etc/ipsec.conf"
STRONGSWAN = "/etc/strongswan.conf"


def read(
    texts: Mapping[str, str] | str,
    *,
    families: Iterable[Family] = BOTH,
    daemon_conf: DaemonConf | None = None,
    release: Release | None = RELEASE,
) -> Reading:
    """Read the ipsec.conf or swanctl.conf among the texts (a text alone: swanctl.conf)."""
    if isinstance(texts, str):
        texts = {SWANCTL: texts}
    files = Texts(texts)
    is_swanctl = SWANCTL in texts
    if daemon_conf is None:
        daemon = "charon-systemd" if is_swanctl else "charon"
        daemon_conf = strongswan_daemon.read(STRONGSWAN, files, options=OPTIONS, daemon=daemon)
    reader = swanctl.read if is_swanctl else strongswan_starter.read
    return reader(
        SWANCTL if is_swanctl else IPSEC,
        files,
        CATALOG,
        options=OPTIONS,
        families=families,
        daemon_conf=daemon_conf,
        release=release,
    )


def lines(reading: Reading, daemon_conf: DaemonConf | None = None) -> Iterator[str]:
    """One line for each need, feature, silent connection and problem, each with its sources."""
    for need in reading.needs:
        yield f"need     {need.label} <- {_sources(need.sources)}"
    for feature in reading.features:
        name = f"{feature.feature} {feature.family}" if feature.family else feature.feature
        yield f"feature  {name} <- {_sources(feature.sources)}"
    for silent in reading.silent:
        yield f"silent   {silent.place} {silent.conn}: {silent.why}"
    for problem in reading.problems:
        yield f"problem  {problem.place} {problem.conn or '-'}: {problem.text}"
    if daemon_conf:
        yield f"daemon   {daemon_conf.kernel}, replay_window {daemon_conf.replay_window}"
        if daemon_conf.ipsec_conf:
            yield f"daemon   ipsec.conf is {daemon_conf.ipsec_conf}"
        for feature in daemon_conf.features:
            yield f"daemon   {feature.feature} <- {_sources(feature.sources)}"
        for feature in daemon_conf.optional:
            yield f"daemon   optional {feature.feature} <- {_sources(feature.sources)}"
        for problem in daemon_conf.problems:
            yield f"daemon   problem {problem.place}: {problem.text}"


def _sources(sources: Iterable[Source]) -> str:
    return " | ".join(source.where.removeprefix("/etc/") for source in sources)
