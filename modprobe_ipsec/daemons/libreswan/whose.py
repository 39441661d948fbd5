# SPDX-License-Identifier: GPL-3.0-or-later
"""What libreswan knows of a line in an ipsec.conf, which strongSwan has, too."""

from modprobe_ipsec.base.annotations import Sequence
from modprobe_ipsec.catalog.model import Catalog, Protocol
from modprobe_ipsec.daemons.common.errors import ProposalError, ProposalSyntaxError
from modprobe_ipsec.daemons.common.form import Setting
from modprobe_ipsec.daemons.libreswan.lines import is_private
from modprobe_ipsec.daemons.libreswan.options import Release
from modprobe_ipsec.daemons.libreswan.proposals import parse
from modprobe_ipsec.daemons.libreswan.setting import WrongValue, meaning

_HEADERS = frozenset({"conn", "config", "include", "version"})
_PROPOSALS = {
    "esp": (Protocol.ESP,),
    "ah": (Protocol.AH,),
    "phase2alg": (Protocol.ESP, Protocol.AH),
}


def knows(setting: Setting, releases: Sequence[Release], catalog: Catalog) -> bool:
    """Whether any of some releases of libreswan has the option and takes the value."""
    if setting.header:
        return setting.key in _HEADERS
    key = setting.key.lower()
    if key in _PROPOSALS:
        return any(_takes(setting.value, protocol, catalog) for protocol in _PROPOSALS[key])
    if key == "also" or is_private(key):
        return True
    for release in releases:
        for table in (release.conn, release.setup):
            if option := table.get(key):
                value = meaning(option, setting.value, release.version, quoted=False)
                if not isinstance(value, WrongValue):
                    return True
    return False


def _takes(text: str, protocol: Protocol, catalog: Catalog) -> bool:
    for ike in (2, 1):
        try:
            parse(text, protocol, catalog, ike=ike)
        except (ProposalError, ProposalSyntaxError):
            continue
        return True
    return False
