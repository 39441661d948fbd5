# SPDX-License-Identifier: GPL-3.0-or-later
"""--lab: what this kernel does with packets, in a network that is gone afterwards."""

import sys
import time

from modprobe_ipsec.base.annotations import Sequence
from modprobe_ipsec.base.errors import Error, UsageError
from modprobe_ipsec.catalog.model import Catalog, Protocol
from modprobe_ipsec.commands import engine
from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.output import complain
from modprobe_ipsec.commands.reporting import put_report, run_since
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.gather import gather
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.needs.need import AnyNeed, Choice, FeatureNeed, Need, Suite
from modprobe_ipsec.plan.forecast import forecast
from modprobe_ipsec.plan.plan import Plan
from modprobe_ipsec.plan.planner import diagnose
from modprobe_ipsec.probes import _run, names
from modprobe_ipsec.report.lab import LabReport
from modprobe_ipsec.report.model import Action, Report
from modprobe_ipsec.report.progress import Progress

# What has no way to say it.
_FORMATS = ("text", "json")


def run(arguments: Arguments) -> int:
    """0 if every question could be asked, whatever the answers."""
    wanted = _chosen(arguments.value("--lab"))
    if arguments.value("--format") not in _FORMATS:
        raise UsageError(f"--lab goes with --format {' or '.join(_FORMATS)}", "")
    began = time.time()
    facts = gather(Host())
    needs = _needs(wanted, facts, engine.catalog())
    # the kernel takes no driver for its speed, and so more templates
    plan = forecast(diagnose(needs, facts, engine.catalog()), accelerate=False)
    would_load = tuple(
        dict.fromkeys(module for step in plan.steps for module in (*step.dependencies, step.module))
    )
    if would_load and arguments.has("--check"):
        raise Error(
            f"the kernel would have to load {', '.join(would_load)}",
            "--lab without --check lets it",
        )
    if would_load:
        complain(f"the kernel will load by itself what is missing: {', '.join(would_load)}")
    bar = Progress(sys.stderr, "asking")
    try:
        behaviours, loaded = _run.run(wanted, bar.show)
    finally:
        bar.clear()
    lab = LabReport(behaviours, would_load)
    report = Report(
        Action.LAB,
        facts,
        (),
        Plan((), ()),
        Demand(()),
        autoloaded=loaded,
        lab=lab,
        run=run_since(began),
    )
    return put_report(report, arguments)


def _chosen(value: str) -> tuple[str, ...]:
    known = names()
    if value == "all":
        return known
    wanted = tuple(value.split(","))
    for name in wanted:
        if name not in known:
            raise UsageError(f"--lab {name}: choose from all, {', '.join(known)}", "")
    return wanted


def _needs(names: Sequence[str], facts: Facts, catalog: Catalog) -> list[AnyNeed]:
    """What the lab and these behaviours take: that it would be loaded is to be said beforehand."""
    transforms = catalog.transforms
    sha2 = Choice(transforms["HMAC_SHA2_256_128"], 256)
    suites = {
        Protocol.ESP: Suite(Protocol.ESP, Choice(transforms["AES_GCM_16"], 128), None),
        Protocol.AH: Suite(Protocol.AH, None, sha2),
        Protocol.COMP: Suite(Protocol.COMP, Choice(transforms["DEFLATE"], 0), None),
    }
    taken = {Protocol.ESP, *(protocol for name in names for protocol in _run.takes(name))}
    return [
        *(
            Need(suite, family)
            for protocol, suite in suites.items()
            for family in engine.families(facts)
            if protocol in taken
        ),
        FeatureNeed("veth", None),
    ]
