# SPDX-License-Identifier: GPL-3.0-or-later
"""--record: write down what a verdict depends on."""

from modprobe_ipsec.commands import engine
from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.output import put
from modprobe_ipsec.commands.record import record
from modprobe_ipsec.commands.reporting import host_of
from modprobe_ipsec.host.gather import gather


def run(arguments: Arguments) -> int:
    """List the files of the record."""
    catalog, host = engine.catalog(), host_of(arguments)
    paths = record(arguments.value("--record"), host, gather(host), catalog)
    put("".join(f"{path}\n" for path in paths))
    return 0
