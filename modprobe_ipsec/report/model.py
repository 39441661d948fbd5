# SPDX-License-Identifier: GPL-3.0-or-later
"""The one object that every writer prints."""

from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.kernel.load import LoadResult
from modprobe_ipsec.kernel.seal import Sealed
from modprobe_ipsec.plan.plan import Plan
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict, exit_code


class Action(StrEnum):
    """What the run was to do."""

    CHECK = "check"
    PROVE = "prove"
    DRY_RUN = "dry-run"
    LOAD = "load"


class Report(Value):
    """What one run found out and did."""

    action: Action
    facts: Facts
    verdicts: tuple[NeedVerdict, ...]
    # What was to be done at the start of the run.
    plan: Plan
    # What is needed, and the configurations that say so.
    demand: Demand
    # What was done.
    loads: tuple[LoadResult, ...] = ()
    # Modules that the kernel loaded by itself while it was asked for proofs.
    autoloaded: tuple[str, ...] = ()
    # Whether a NETLINK_XFRM socket could be opened, in words; empty if it was not tried.
    xfrm_socket: str = ""
    # What came of --seal; None if nobody asked for it.
    sealed: Sealed | None = None

    @property
    def exit_code(self) -> int:
        """What the run's exit status says about the needs."""
        code = exit_code(self.verdicts)
        # what an unread file asks for is unknown; and who wanted a seal has not got it
        unread = any(problem.unread for problem in self.demand.problems)
        if code in (0, 1) and (unread or (self.sealed and not self.sealed.done)):
            return Verdict.UNKNOWN.exit_code
        return code
