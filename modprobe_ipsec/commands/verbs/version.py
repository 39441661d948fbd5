# SPDX-License-Identifier: GPL-3.0-or-later
"""--version."""

from modprobe_ipsec import __version__
from modprobe_ipsec.commands.command_line import PROGRAM, Arguments
from modprobe_ipsec.commands.output import put


def run(arguments: Arguments) -> int:
    """Print the version."""
    put(f"{PROGRAM} {__version__}\n")
    return 0
