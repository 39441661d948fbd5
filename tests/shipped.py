# SPDX-License-Identifier: GPL-3.0-or-later
"""The map as it is shipped, read once for all tests."""

from modprobe_ipsec.catalog.loader import DAEMONS, FILES, XFRM_NAMES, build, modules, parse_all
from modprobe_ipsec.daemons import registry
from modprobe_ipsec.host.shipped import daemon_names, read_data

TEXTS = read_data((*FILES, *(f"{DAEMONS}{name}" for name in daemon_names()), XFRM_NAMES))
TREES = parse_all(TEXTS)
CATALOG = build(TREES)
# As the build hook puts it into a wheel: texts of modules by their files' names.
MODULES = modules(TREES)
LIBRESWAN, STRONGSWAN = (registry.DAEMONS[name] for name in ("libreswan", "strongswan"))


def daemon_tree(name: str) -> dict[str, object]:
    """The parsed data/daemons/NAME.yaml."""
    return TREES[f"{DAEMONS}{name}"]
