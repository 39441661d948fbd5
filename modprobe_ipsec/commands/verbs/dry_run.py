# SPDX-License-Identifier: GPL-3.0-or-later
"""--dry-run: the modules that would be loaded, and the needs that no module can meet."""

from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.reporting import make_report, put_report
from modprobe_ipsec.report.model import Action


def run(arguments: Arguments) -> int:
    """0 if a load would meet every need that it can tell about."""
    report, _ = make_report(Action.DRY_RUN, arguments)
    return put_report(report, arguments)
