# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes out again what was loaded for speed and serves nothing.

Some of the CPU's own modules start everywhere and register only what they find, or register it
below what was there: nothing but the kernel afterwards tells.
"""

from modprobe_ipsec.base.annotations import Callable, Iterable, Sequence
from modprobe_ipsec.base.text import strerror
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.kernel.driver import serving
from modprobe_ipsec.plan.plan import LoadOutcome, LoadResult

# Takes a module out; 0 or an errno.
Unload = Callable[[str], int]


def clear(
    results: Sequence[LoadResult],
    names: Iterable[str],
    facts: Facts,
    catalog: Catalog,
    unload: Unload,
) -> tuple[LoadResult, ...]:
    """The same results, after all is unloaded that they brought for speed and that serves nothing.

    `names` are those that the needs lead to, `facts` how the kernel looks after the loads. Modules
    that were there before, and what the kernel says is in use, stay.
    """
    serve = _serving(names, facts, catalog)
    if serve is None:
        return tuple(results)
    return tuple(_cleared(result, serve, unload) for result in results)


def _serving(names: Iterable[str], facts: Facts, catalog: Catalog) -> frozenset[str] | None:
    """The modules that serve any of these names; None where that cannot be seen.

    Hardware that is preferred whatever else there is, and may go, does not count against them.
    """
    if facts.algorithms is None:
        return None
    engines = tuple(rule.driver for rule in catalog.never_load.values() if rule.driver)
    own = [a for a in facts.algorithms if not any(engine in a.driver for engine in engines)]
    found = (serving(own, name) for name in names)
    return frozenset(best.module for best in found if best)


def _cleared(result: LoadResult, serve: frozenset[str], unload: Unload) -> LoadResult:
    step = result.step
    if not step.accelerator or step.module in serve or result.outcome is LoadOutcome.FAILED:
        return result
    if result.outcome is LoadOutcome.LOADED and step.module not in result.loaded:
        return result
    left = dict.fromkeys(result.loaded)
    code = 0
    # what it depends on came before it, and goes after it
    for module in (step.module, *reversed(step.dependencies)):
        if module in left and module not in serve:
            failed = unload(module)
            code = code or failed
            if not failed:
                del left[module]
    loaded = tuple(left)
    if result.outcome is not LoadOutcome.LOADED:
        return result._replace(loaded=loaded)
    end = f"and stays: {strerror(code)}" if step.module in left else "and was unloaded again"
    why = f"{step.module}: it serves nothing on this CPU {end}"
    return result._replace(outcome=LoadOutcome.IDLE, why=why, loaded=loaded)
