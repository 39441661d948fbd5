# SPDX-License-Identifier: GPL-3.0-or-later
"""--manifest: what a host must do for a daemon that runs in a container on it."""

from modprobe_ipsec.commands import engine, host_plan
from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.output import complain, put
from modprobe_ipsec.commands.reporting import make_report
from modprobe_ipsec.manifest.compare import compare
from modprobe_ipsec.manifest.make import make
from modprobe_ipsec.manifest.model import ManifestOptions
from modprobe_ipsec.plan.verdict import Verdict
from modprobe_ipsec.report.model import Action
from modprobe_ipsec.report.words import problems


def run(arguments: Arguments) -> int:
    """2 if a need cannot be met, 3 if a configuration leaves open what is needed, else 0.

    A connection that is left out leaves that open; with --strict, any problem does. With --against,
    1 if something changed.
    """
    report, host = make_report(Action.CHECK, arguments)
    catalog = engine.catalog()
    plan = make(report.demand, report.verdicts, report.facts, host.root, catalog)
    code = Verdict.BLOCKED.exit_code if plan.unmet else 0
    if arguments.has("--against"):
        changes = compare(host_plan.read(arguments.value("--against"), catalog), plan)
        put("".join(f"{change}\n" for change in changes))
        code = 1 if changes else 0
    else:
        options = ManifestOptions(arguments.has("--preload"))
        files = host_plan.write(plan, arguments.value("--manifest"), options)
        directory = arguments.value("--output")
        put(host_plan.put(directory, files) if directory else host_plan.as_text(files))
    for problem in problems(report.demand):
        complain(problem)
    # a plan without a connection that was lost is no whole plan
    unsure = report.is_uncertain or report.demand.lost
    return Verdict.UNKNOWN.exit_code if code < 2 and unsure else code
