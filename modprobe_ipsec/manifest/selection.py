# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a plan a format writes: modules that somebody must load, their order, and sysctls."""

from modprobe_ipsec.base.annotations import Iterable
from modprobe_ipsec.base.errors import Error, NeedUnmet, NothingToWrite, UsageError
from modprobe_ipsec.diagnose.resolution import ResolutionState
from modprobe_ipsec.manifest.model import HostPlan, ManifestOptions, PlannedModule
from modprobe_ipsec.manifest.requirements import FORWARDING

# What a load could change, or has.
_TO_BE_HAD = (ResolutionState.LIVE, ResolutionState.LOADABLE, ResolutionState.UNKNOWN)


def to_load(
    plan: HostPlan, options: ManifestOptions, *, speed: bool = False
) -> tuple[PlannedModule, ...]:
    """The modules that somebody has to load, in their order.

    With `speed` also if they are nothing but accelerators, which no container should wait for; with
    `options.preload` also what the kernel is expected to load by itself.
    """
    modules = tuple(
        module
        for module in plan.modules
        if module.must_come or (options.preload and module.state in _TO_BE_HAD)
    )
    return modules if speed or any(not module.accelerator for module in modules) else ()


def without_accelerators(modules: Iterable[PlannedModule]) -> tuple[PlannedModule, ...]:
    """Where a load that fails keeps the container from starting: another CPU refuses these."""
    return tuple(module for module in modules if not module.accelerator)


def insist_on_names(modules: Iterable[PlannedModule], format: str) -> None:
    """Raises UsageError where the name of a module cannot be told from here."""
    if not all(module.name for module in modules):
        raise UsageError(
            f"--manifest {format} needs names of modules, and no module directory is visible here",
            f"here: --manifest yaml >PLAN; on the host: --manifest {format} --apply PLAN",
        )


def nothing_to_load(plan: HostPlan, options: ManifestOptions) -> Error:
    """Why a file that only loads would be empty: all is there already, or nothing may come."""
    if plan.unmet:
        blocked = plan.unmet[0]
        others = f" and {len(plan.unmet) - 1} more" if len(plan.unmet) > 1 else ""
        return NeedUnmet(
            f"nothing can be loaded for {blocked.need.label} ({blocked.verdict}){others}: "
            "nothing was written",
            "--check says what is in the way",
        )
    return NothingToWrite(
        "nothing has to be loaded beforehand on this host: nothing was written",
        "" if options.preload else "with --preload, also what the kernel loads by itself is",
    )


def load_arguments(modules: Iterable[PlannedModule]) -> list[str]:
    """What `words.LOAD_SCRIPT` is given: accelerators, `--`, and what is needed."""
    modules = tuple(modules)
    accelerators = [module.name for module in modules if module.accelerator]
    return [*accelerators, "--", *(module.name for module in without_accelerators(modules))]


def softdeps(modules: Iterable[PlannedModule]) -> list[str]:
    """Lines for modprobe.d: the order of modules-load.d means nothing, since systemd 259."""
    modules = tuple(modules)
    names = {module.name for module in modules}
    found = []
    for module in modules:
        before = " ".join(name for name in module.after if name in names)
        if before and module.name:
            found.append(f"softdep {module.name} pre: {before}")
    return found


def sysctl_notes(plan: HostPlan) -> list[str]:
    """Why each of the sysctls is set, and what it does besides: beside every file that sets it."""
    return [f"{s.key}: {s.why}" for s in plan.sysctls if s.key in FORWARDING.values()]


def sysctl_values(plan: HostPlan) -> dict[str, str]:
    """The sysctls of the daemon's network namespace that are set, not only reported.

    How long the kernel waits for an acquire is the daemon's own business.
    """
    return {s.key: s.value for s in plan.sysctls if s.key in FORWARDING.values()}
