# SPDX-License-Identifier: GPL-3.0-or-later
"""--check: say what is ready, changing nothing; with --prove, ask the kernel as well."""

from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.reporting import make_report, put_report
from modprobe_ipsec.report.model import Action


def run(arguments: Arguments) -> int:
    """The report, and what it says in one number."""
    report, _ = make_report(Action.PROVE if arguments.has("--prove") else Action.CHECK, arguments)
    return put_report(report, arguments)
