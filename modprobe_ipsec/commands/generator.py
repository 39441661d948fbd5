# SPDX-License-Identifier: GPL-3.0-or-later
"""A generator as in systemd.generator(7): takes module loading from the IKE daemons, as long as
modprobe-ipsec.service is there to do it for them.

A drop-in that was simply installed would take it from a daemon for which nobody loads anything.
systemd runs generators at boot and with each daemon-reload, which `systemctl enable` and `disable`
end with; what they write lies in /run. A file of the same name in /etc/systemd/system/UNIT.d/
counts instead.
"""

import os
import sys

from modprobe_ipsec.base.annotations import NoReturn, Sequence
from modprobe_ipsec.base.text import reason
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.root import Host

UNIT = "modprobe-ipsec.service"
NAME = "modprobe-ipsec.conf"
DROP_IN = f"""\
# Made by modprobe-ipsec-generator, because {UNIT} is enabled and loads what this
# daemon needs: the daemon itself gets no right to load modules. That stops its own loading, also by
# whoever takes it over. It does not stop the kernel, which goes on loading what it is asked for.
[Service]
ProtectKernelModules=yes
CapabilityBoundingSet=~CAP_SYS_MODULE
"""

# Where units are installed and enabled, the first one of a name counts.
# source: systemd.unit(5), "Unit File Load Path"
_PLACES = (
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
)
_PULLS = (".wants", ".requires", ".upholds")


def run() -> NoReturn:
    """What systemd starts."""
    sys.exit(main(sys.argv[1:], Host()))


def main(directories: Sequence[str], host: Host) -> int:
    """Write into the first of systemd's directories what this host wants there."""
    if not directories:
        sys.stderr.write("usage: modprobe-ipsec-generator DIRECTORY...: systemd starts it\n")
        return 64
    if not is_enabled(host):
        return 0
    try:
        for daemon in DAEMONS.values():
            for unit in (*daemon.units, *daemon.unit_aliases):
                place = os.path.join(directories[0], f"{unit}.d")  # noqa: PTH118 (start-up time)
                os.makedirs(place, exist_ok=True)  # noqa: PTH103
                with open(f"{place}/{NAME}", "w", encoding="ascii") as file:  # noqa: PTH123
                    file.write(DROP_IN)
    except OSError as error:
        sys.stderr.write(f"modprobe-ipsec-generator: {directories[0]}: {reason(error)}\n")
        return 1
    return 0


def is_enabled(host: Host) -> bool:
    """Whether some other unit pulls the unit in, and it is neither masked nor gone."""
    texts = (host.text(f"{place}/{UNIT}") for place in _PLACES)
    # an empty file or a link to /dev/null is how a unit is masked
    counts = next((text for text in texts if text is not None), "")
    return bool(counts) and any(_pulls(place, host) for place in _PLACES)


def _pulls(place: str, host: Host) -> bool:
    names = host.list_dir(place)
    if isinstance(names, Unreadable):
        return False
    return any(
        name.endswith(_PULLS) and bool(host.exists(f"{place}/{name}/{UNIT}")) for name in names
    )
