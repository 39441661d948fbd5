# SPDX-License-Identifier: GPL-3.0-or-later
"""--record: write down what a verdict depends on, and what was asked."""

from modprobe_ipsec.base.errors import Error
from modprobe_ipsec.commands import engine, question
from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.output import put
from modprobe_ipsec.commands.record import record
from modprobe_ipsec.commands.reporting import host_of, make_report
from modprobe_ipsec.report.model import Action


def run(arguments: Arguments) -> int:
    """List the files of the record."""
    catalog, host = engine.catalog(), host_of(arguments)
    try:
        report, _ = make_report(Action.CHECK, arguments)
        asked = question.asked(arguments, report.exit_code)
        asked |= question.needed(arguments, report, host, catalog)
        facts = report.facts
    except Error as error:
        # what cannot be answered is to be reported all the more
        asked, facts = question.asked(arguments, error.exit_code), engine.facts_of(host, catalog)
    paths = record(arguments.value("--record"), host, facts, catalog, asked)
    put("".join(f"{path}\n" for path in paths))
    return 0
