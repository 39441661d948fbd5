# SPDX-License-Identifier: GPL-3.0-or-later
"""Can SAs move to other addresses?

Wanted: MOBIKE (RFC 4555) changes the addresses of SAs that stay.

Kernels: MIGRATE, for policies with their SAs, is a matter of CONFIG_XFRM_MIGRATE; MIGRATE_STATE,
for a single SA, came with 7.2. An unknown message is EINVAL without a text, so that only the text
tells.

Pluto: uses MIGRATE for MOBIKE.

Charon: takes the SA away and makes it anew, with the numbers that it had.
"""

import errno

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.lab.workbench import Workbench
from modprobe_ipsec.probes._behaviour import Reply

_MIGRATE, _MIGRATE_STATE = 0x21, 0x29
# More than any header of these; all zero is no SA that there is.
_NOTHING = bytes(512)


def ask(bench: Workbench) -> Reply:
    """Ask for the migration of what is not there."""
    policies = _said(lambda: bench.a.ask(_MIGRATE, bytes(64)))
    state = _said(lambda: bench.a.ask(_MIGRATE_STATE, _NOTHING))
    known = {
        "MIGRATE": policies != "ENOPROTOOPT",
        "MIGRATE_STATE": state == "known",
    }
    names = [name for name, there in known.items() if there]
    cases = (("MIGRATE", "known" if known["MIGRATE"] else "not built"), ("MIGRATE_STATE", state))
    return Reply(" and ".join(names) or "no", cases)


def _said(do: Callable[[], object]) -> str:
    try:
        do()
    except OSError as error:
        if error.strerror:
            return "known"
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    return "known"
