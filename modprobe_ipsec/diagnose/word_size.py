# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a 64-bit kernel takes the XFRM messages of a daemon that has 32 bits. Pure.

Where the two have another layout, it needs code for that, and refuses each message without. Where
they have the same one, some kernels refuse all the same, and only a message tells.
source: docs/facts/architectures.md, "32-bit processes under a 64-bit kernel"
"""

from modprobe_ipsec.catalog.model import COMPAT, Catalog, KernelInterface, ModuleRequest
from modprobe_ipsec.diagnose.requests import NeedRequests, Requests
from modprobe_ipsec.diagnose.resolution import ASK, Autoload, Resolution, ResolutionState, Resolved
from modprobe_ipsec.host.facts import Facts

_WHO = "a 32-bit program under a 64-bit kernel"


def with_compat(requests: Requests, facts: Facts, catalog: Catalog) -> Requests:
    """The same, with what it takes to be heard first on the way to each need."""
    socket = catalog.sockets[KernelInterface.XFRM].alias
    compat = catalog.architecture(facts.arch).compat or ModuleRequest(COMPAT, "", "", _WHO)

    def heard(wanted: NeedRequests) -> NeedRequests:
        if all(request.alias != socket for request in wanted.modules):
            return wanted
        return wanted._replace(modules=(compat, *wanted.modules))

    return requests._replace(by_need=tuple(map(heard, requests.by_need)))


def answered(resolved: Resolved, facts: Facts, catalog: Catalog) -> Resolved:
    """With what the kernel itself said to such a message, or that it has to be asked."""
    if COMPAT not in resolved.answers:
        return resolved
    compat = catalog.architecture(facts.arch).compat
    (answer, *_) = resolved.answers[COMPAT]
    takes = facts.takes_messages()
    if takes:
        answer = Resolution(COMPAT, ResolutionState.LIVE, evidence="it takes such messages")
    elif takes is False and answer.state is not ResolutionState.LOADABLE:
        refused = "it refused such a message"
        answer = answer._replace(state=ResolutionState.ABSENT, evidence=refused)
    elif compat is None:
        evidence = f"{_WHO}: some kernels refuse its messages, and only a message tells"
        answer = Resolution(COMPAT, ResolutionState.UNKNOWN, evidence=evidence, remedy=ASK)
    sizes = facts.word_sizes()
    answer = answer._replace(of_daemon=sizes.daemon != sizes.ours)
    return resolved._replace(answers={**resolved.answers, COMPAT: (answer,)})


def not_by_itself(resolved: Resolved) -> Resolved:
    """No alias names the module, so that nobody loads it for anybody."""
    group = resolved.answers.get(COMPAT, ())
    if not any(answer.autoload for answer in group):
        return resolved
    why = Autoload(False, f"no alias names {group[0].module}, and nothing loads it")
    alone = tuple(answer._replace(autoload=why) for answer in group)
    return resolved._replace(answers={**resolved.answers, COMPAT: alone})
