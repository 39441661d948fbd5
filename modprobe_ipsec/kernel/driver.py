# SPDX-License-Identifier: GPL-3.0-or-later
"""Which driver serves an SA. Pure."""

from modprobe_ipsec.base.annotations import Iterable
from modprobe_ipsec.host.facts import Algorithm


def serving(algorithms: Iterable[Algorithm], name: str) -> Algorithm | None:
    """Return what the kernel takes for `name`: the highest priority, of equal ones the first.

    `algorithms` are in the order of /proc/crypto. Source: crypto/api.c __crypto_alg_lookup.
    """
    named = (algorithm for algorithm in algorithms if algorithm.name == name)
    # IPComp takes `compression` (crypto_alloc_comp) on all kernels that still have it.
    return max(named, key=lambda found: (found.type == "compression", found.priority), default=None)
