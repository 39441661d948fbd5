# SPDX-License-Identifier: GPL-3.0-or-later
"""Host plans of recorded hosts, and of needs that no command line names."""

import tempfile
from functools import cache
from pathlib import Path

from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.commands import engine
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.manifest.make import make
from modprobe_ipsec.manifest.model import HostPlan
from modprobe_ipsec.needs.everything import all_needs
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed, Mode, Need, Source, Suite
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.planner import make_plan
from tests.facts import choice
from tests.hosts import tree
from tests.shipped import CATALOG

SOURCE = Source("/etc/ipsec.conf:12 conn office", "aes_gcm256-null", "libreswan", tuple(Family))
GCM = tuple(
    Need(Suite(Protocol.ESP, choice("AES_GCM_16"), None), family, (SOURCE,)) for family in Family
)
CBC = Need(
    Suite(Protocol.ESP, choice("AES_CBC", 128), choice("HMAC_SHA2_256_128"), esn=True),
    Family.IPV4,
    (SOURCE,),
    Mode.TRANSPORT,
)
NEEDS: tuple[AnyNeed, ...] = (*GCM, CBC)
FEATURES: tuple[AnyNeed, ...] = (
    FeatureNeed("xfrm_interface", None, (SOURCE,)),
    FeatureNeed("tun", None),
    FeatureNeed("espintcp", Family.IPV4),
    FeatureNeed("af_key", None),
)
EVERYTHING: tuple[AnyNeed, ...] = (*all_needs(CATALOG, Family), *FEATURES)


def plan_of(
    needs: tuple[AnyNeed, ...], facts: Facts, configs: tuple[str, ...] = (), root: str = "/"
) -> HostPlan:
    """The host plan of some needs on a host that is written down as facts."""
    judgements = judge(make_plan(needs, facts, CATALOG), {}, loaded=False)
    return make(Demand(needs, configs), judgements, facts, root, CATALOG)


@cache
def facts_of(name: str) -> Facts:
    """The facts of a recorded host, all of them read."""
    words = tree.arguments(name)
    kernel = words[words.index("--kernel") + 1] if "--kernel" in words else None
    place = tempfile.TemporaryDirectory()
    _KEPT.append(place)
    root = tree.assemble(name, Path(place.name) / "root")
    return engine.facts_of(Host(str(root), kernel), CATALOG)


# facts read some of a tree only when asked
_KEPT: list[tempfile.TemporaryDirectory[str]] = []


@cache
def plan(name: str, needs: tuple[AnyNeed, ...] = NEEDS) -> HostPlan:
    """The host plan of some needs on a recorded host."""
    return plan_of(needs, facts_of(name))
