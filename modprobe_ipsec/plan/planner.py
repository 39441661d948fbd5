# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a need, from what a configuration says to what is to be done about it. Pure.

    needs -> requests -> resolutions -> obstacles -> who loads -> forecast

Each arrow is one function of values, and none goes back: what a later one needs to know an earlier
one has put into its value.
"""

from modprobe_ipsec.base.annotations import Mapping, Sequence
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.diagnose.accelerator import accelerators
from modprobe_ipsec.diagnose.autoload import say_who_loads
from modprobe_ipsec.diagnose.examine import find_obstacles
from modprobe_ipsec.diagnose.requests import Requests, module_requests
from modprobe_ipsec.diagnose.resolution import LoadFailure, Resolved
from modprobe_ipsec.diagnose.resolve import resolve
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.needs.need import AnyNeed
from modprobe_ipsec.plan.forecast import forecast
from modprobe_ipsec.plan.plan import Plan


def diagnose(
    needs: Sequence[AnyNeed],
    facts: Facts,
    catalog: Catalog,
    tried: Mapping[str, LoadFailure] | None = None,
) -> Resolved:
    """Who answers what these needs ask for, and what is in the way where nobody does.

    `tried` are loads of this run that failed, by module.
    """
    requests = module_requests(needs, catalog, facts.release)
    if not _has_another_word_size(facts, catalog):
        return resolve_all(requests, facts, catalog, tried)
    # costs a module, which few need pay
    from modprobe_ipsec.diagnose import word_size

    requests = word_size.with_compat(requests, facts, catalog)
    resolved = _resolved(requests, facts, catalog, tried)
    resolved = word_size.answered(resolved, facts, catalog)
    return word_size.not_by_itself(_explained(resolved, facts, catalog))


def resolve_all(
    requests: Requests,
    facts: Facts,
    catalog: Catalog,
    tried: Mapping[str, LoadFailure] | None = None,
) -> Resolved:
    """The same from requests, whatever makes them."""
    return _explained(_resolved(requests, facts, catalog, tried), facts, catalog)


def _resolved(
    requests: Requests,
    facts: Facts,
    catalog: Catalog,
    tried: Mapping[str, LoadFailure] | None,
) -> Resolved:
    faster = accelerators(requests, facts, catalog)
    return resolve(requests, faster, facts, catalog, tried or {})


def _explained(resolved: Resolved, facts: Facts, catalog: Catalog) -> Resolved:
    resolved = find_obstacles(resolved, facts, catalog)
    return say_who_loads(resolved, facts, catalog.knowledge)


def _has_another_word_size(facts: Facts, catalog: Catalog) -> bool:
    """Whether the daemon has 32 bits, and the kernel 64."""
    return catalog.architecture(facts.arch).bits == 64 and facts.word_sizes().daemon == 32


def make_plan(
    needs: Sequence[AnyNeed],
    facts: Facts,
    catalog: Catalog,
    tried: Mapping[str, LoadFailure] | None = None,
) -> Plan:
    """What to load for these needs on this host, and how each of them stands."""
    return forecast(diagnose(needs, facts, catalog, tried))
