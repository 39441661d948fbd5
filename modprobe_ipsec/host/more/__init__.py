# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts that one obstacle alone asks for, a file each: read when it asks, recorded with the rest.

A file here has `READS` (host/reads.py) and `read(host)`, whose value `facts.more` hands on under
the file's name.
"""

from modprobe_ipsec.base import registry
from modprobe_ipsec.base.annotations import ModuleType


def readers() -> tuple[ModuleType, ...]:
    """All of them."""
    return tuple(reader(name) for name in registry.names(__path__))


def reader(name: str) -> ModuleType:
    """The one of that name."""
    return registry.load(__name__, name)
