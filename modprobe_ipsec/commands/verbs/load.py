# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done if nothing else is asked for: load, then prove; with --seal, allow no more."""

from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.output import complain
from modprobe_ipsec.commands.reporting import make_report, put_report
from modprobe_ipsec.report.model import Action


def run(arguments: Arguments) -> int:
    """0 if everything is loaded and proven, 77 if this process may not load what it should."""
    report, host = make_report(Action.LOAD, arguments)
    if arguments.has("--seal"):
        from modprobe_ipsec.kernel.seal import Seal, seal

        how = Seal(arguments.value("--seal"))
        report = report._replace(sealed=seal(how, report.verdicts, report.demand, host))
    code = put_report(report, arguments)
    if report.may_not_load:
        complain("no permission to load modules (CAP_SYS_MODULE in the initial user namespace)")
        complain("run it as root on the host")
    return code
