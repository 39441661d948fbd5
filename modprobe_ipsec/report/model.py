# SPDX-License-Identifier: GPL-3.0-or-later
"""The one object that every writer prints."""

from modprobe_ipsec.base.errors import NoPermission
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.plan.plan import LoadResult, Plan
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict, exit_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from modprobe_ipsec.catalog.model import Profile
    from modprobe_ipsec.kernel.seal import Sealed
    from modprobe_ipsec.needs.profile import Objection
    from modprobe_ipsec.report.lab import LabReport
    from modprobe_ipsec.report.measure import MeasureReport


class Action(StrEnum):
    """What the run was to do."""

    CHECK = "check"
    PROVE = "prove"
    DRY_RUN = "dry-run"
    LOAD = "load"
    LAB = "lab"
    MEASURE = "measure"


class Style(Value):
    """How a writer is to say it, as far as its format has a choice."""

    colour: bool = False
    # Only what is not ready.
    quiet: bool = False
    # How much of the evidence; 0 is what a user needs.
    verbose: int = 0
    # Columns that a line may have.
    width: int = 100


class Run(Value):
    """By what, when and where a report was made."""

    # Of this program.
    version: str = ""
    # Its begin, in seconds since 1970 (UTC), and how many of them it took.
    began: float = 0.0
    seconds: float = 0.0
    # The name of the host; empty for another tree than that of the running system, ...
    host: str = ""
    # ... which begins here.
    root: str = "/"


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
    sealed: "Sealed | None" = None

    # What came of --lab; None if nobody asked for it.
    lab: "LabReport | None" = None
    # What came of --measure; None if nobody asked for it.
    measured: "MeasureReport | None" = None

    # Problems in a configuration count: --strict.
    strict: bool = False
    # Algorithms that should not be used, which only is said, ...
    notes: "tuple[Objection, ...]" = ()
    # ... the set that was to be checked, and what is against it, which counts: --profile.
    profile: "Profile | None" = None
    against: "tuple[Objection, ...]" = ()

    run: Run = Run()

    @property
    def may_not_load(self) -> bool:
        """Whether something waits for a load that this run was to do and may not."""
        waits = (Verdict.LOADABLE, Verdict.SLOW)
        return (
            self.action is Action.LOAD
            and not self.facts.may_load
            and any(judged.verdict in waits for judged in self.verdicts)
        )

    @property
    def is_uncertain(self) -> bool:
        """Whether the configurations leave open what is needed, as strictly as was asked for."""
        problems = self.demand.problems
        unclear = any(problem.unread or problem.refuses for problem in problems)
        return unclear or (self.strict and bool(problems))

    @property
    def exit_code(self) -> int:
        """The exit status of the run: that of the worst need, unless something else is worse."""
        if answered := self.lab or self.measured:
            return answered.exit_code
        if self.may_not_load:
            return NoPermission.exit_code
        code = exit_code(self.verdicts)
        if code == 1 and self.action is Action.DRY_RUN:
            # what would be loaded is its answer, and no lack
            code = 0
        if self.against:
            return Verdict.MISSING.exit_code
        if self.demand.lost and (code == 0 or (code == 1 and not self.demand.asking)):
            # ready for the connections that are left is not ready
            return Verdict.UNKNOWN.exit_code
        # who wanted a seal has not got it
        unsealed = self.sealed is not None and not self.sealed.done
        return Verdict.UNKNOWN.exit_code if code < 2 and (self.is_uncertain or unsealed) else code
