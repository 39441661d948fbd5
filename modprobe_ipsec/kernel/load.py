# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries a plan out, round by round, and believes only what the kernel shows afterwards."""

import errno
import os
import time

from modprobe_ipsec.base.annotations import Callable, Mapping, Sequence
from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.diagnose.requests import module_requests
from modprobe_ipsec.diagnose.resolution import LoadFailure, ResolutionState
from modprobe_ipsec.host.facts import Facts, ModuleState
from modprobe_ipsec.host.gather import module_states, refresh
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.kernel import BLACKLISTED
from modprobe_ipsec.kernel.idle import clear
from modprobe_ipsec.needs.need import AnyNeed
from modprobe_ipsec.plan.plan import LoadOutcome, LoadResult, Plan, Step
from modprobe_ipsec.plan.planner import make_plan

States = Mapping[str, ModuleState]

# Another loader may be at the same module; its self-tests can take a while on a slow CPU.
_COMING_SECONDS = 10.0


class LoadResults(Value):
    """All results, and the facts as they are now."""

    results: tuple[LoadResult, ...]
    facts: Facts
    tried: dict[str, LoadFailure]


def carry_out(
    plan: Plan,
    needs: Sequence[AnyNeed],
    facts: Facts,
    host: Host,
    catalog: Catalog,
    on_step: Callable[[Step], None] | None = None,
) -> LoadResults:
    """Load what the plan for these needs wants, until nothing is left that could help.

    Only its first round is certain: after each one the kernel is looked at again, and planned for
    anew. One failure does not stop the others. Raises NoLibkmod only if something is to be loaded.
    """
    results: list[LoadResult] = []
    tried: dict[str, LoadFailure] = {}
    if not plan.rounds:
        return LoadResults((), facts, tried)
    # costs ctypes, which a run that loads nothing need not pay
    from modprobe_ipsec.kernel.kmod import Kmod

    names = module_requests(needs, catalog, facts.release).crypto
    with Kmod() as kmod:
        while plan.rounds:
            done: list[LoadResult] = []
            for step in plan.rounds[0]:
                if on_step:
                    on_step(step)
                before = facts.modules or {}
                code = kmod.load(step.module)
                after = _settled(host, step.module, before)
                facts = facts._replace(modules=after)
                done.append(_judge(step, code, before, after))
            facts = refresh(facts, host)
            for result in clear(done, names, facts, catalog, kmod.unload):
                results.append(result)
                if result.outcome is not LoadOutcome.LOADED:
                    tried[result.step.module] = _failure(result)
            if tuple(results[-len(done) :]) != tuple(done):
                facts = refresh(facts, host)
            plan = make_plan(needs, facts, catalog, tried)
    return LoadResults(tuple(results), facts, tried)


def _settled(host: Host, module: str, before: States) -> States:
    """The states of all modules, once this one is no longer on its way in."""
    end = time.monotonic() + _COMING_SECONDS
    while True:
        states = module_states(host, before) or {}
        if states.get(module) is not ModuleState.COMING or time.monotonic() > end:
            return states
        time.sleep(0.02)


def _judge(step: Step, code: int, old: States, new: States) -> LoadResult:
    names = (*step.dependencies, step.module, *step.soft_dependencies)
    loaded = tuple(name for name in names if name in new and name not in old)
    if new.get(step.module) is ModuleState.LIVE:
        return LoadResult(step, LoadOutcome.LOADED, code, loaded=loaded)
    outcome = LoadOutcome.NO_DEVICE if code == errno.ENODEV else LoadOutcome.FAILED
    return LoadResult(step, outcome, code, _sentence(step.module, code), loaded)


def _sentence(module: str, code: int) -> str:
    """What a failed load means (source: kernel/module/main.c; libkmod-module.c)."""
    if code == 0:
        return f"{module}: modprobe reports success and the kernel has no such module"
    if code == BLACKLISTED:
        return f"{module}: blacklisted in modprobe.d or on the kernel command line"
    meaning = _MEANINGS.get(code)
    name = errno.errorcode.get(code, str(code))
    return f"{module}: {meaning or os.strerror(code)} ({name})"


_MEANINGS = {
    errno.EPERM: "the kernel allows no loading: no CAP_SYS_MODULE, modules_disabled, lockdown, "
    "or module_blacklist= on the kernel command line",
    errno.ENOENT: "its file, or a symbol that another module should have brought, is missing",
    errno.EKEYREJECTED: "its signature is not accepted",
    errno.EBADMSG: "its signature is damaged",
    errno.ENOEXEC: "it was built for another kernel, or its file is damaged",
    errno.EINVAL: "its install command failed, or the kernel refused it",
    errno.ENOSYS: "this kernel has no module support",
    errno.ENODEV: "this CPU has not got what it drives",
    errno.EBUSY: "another loader is still at it",
}


def _failure(result: LoadResult) -> LoadFailure:
    denied = result.code in (errno.EPERM, errno.EACCES)
    idle = result.outcome is LoadOutcome.IDLE
    refusals = (0, BLACKLISTED, errno.EKEYREJECTED, errno.EINVAL)
    refused = denied or (result.code in refusals and not idle)
    state = ResolutionState.BLOCKED if refused else ResolutionState.ABSENT
    evidence = Sentence(result.why, {"kind": "load", "code": result.code})
    return LoadFailure(state, evidence, denied=denied, of_file=result.code in _OF_FILE)


# source: kernel/module/main.c load_module, version.c check_version: magic, checksums, symbols
_OF_FILE = (errno.ENOEXEC, errno.EINVAL, errno.ENOENT)
