# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run inside a container says about that container, and about the host it cannot see. Pure.

The kernel runs its modprobe on the host, with the host's modprobe.d and module directory, whoever
asks (kernel/module/kmod.c); none of the three can be seen from inside.
"""

from modprobe_ipsec.base.annotations import Any, Iterator
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.diagnose.autoload import loads_nothing
from modprobe_ipsec.diagnose.resolution import SERVED
from modprobe_ipsec.host.facts import Container, Evidence
from modprobe_ipsec.host.machine.privileges import (
    CAP_NET_ADMIN,
    CAP_NET_BIND_SERVICE,
    OTHER_CAPABILITIES,
)
from modprobe_ipsec.needs.need import FeatureNeed
from modprobe_ipsec.needs.proof import Answer
from modprobe_ipsec.plan.meaning import NO_SOCKET
from modprobe_ipsec.plan.verdict import Verdict
from modprobe_ipsec.report.model import Report
from modprobe_ipsec.report.table import table

_IKE_PORT = 500
_BEFORE = "on the host, before the daemon starts"
# Engines that take capabilities as `--cap-add NET_ADMIN`.
_WITH_FLAGS = ("podman", "docker")


class ContainerAutoload(Value):
    """Whether the kernel fetches modules by itself when the daemon asks; None: cannot be told."""

    works: bool | None
    why: str
    # When the host could load what is wanted instead; empty if it cannot.
    preload: str = _BEFORE


class MissingRight(Value):
    """Something that the container would need."""

    what: str
    remedy: str


class ContainerView(Value):
    """The container's side and, as far as it shows, the host's."""

    container: Container
    autoload: ContainerAutoload
    # Modules, or aliases where no module directory is visible, that are needed and not seen to be
    # there.
    wanted: tuple[str, ...]
    lacks: tuple[MissingRight, ...]
    unseen: tuple[str, ...]
    # Why nothing could be proven from here; empty if something was, or nobody tried.
    unproven: str

    @property
    def preload(self) -> tuple[str, ...]:
        """What the host has to load before the daemon starts: what autoload will not bring."""
        return self.wanted if self.autoload.works is False and self.autoload.preload else ()


def look(report: Report) -> ContainerView | None:
    """What can be said from inside; None outside of a container."""
    container = report.facts.container()
    if container is None:
        return None
    # the XFRM socket answers even where no SA can be tried
    sas = [j.proof for j in report.verdicts if j.proof and not isinstance(j.need, FeatureNeed)]
    silent = [p.why for p in sas if p.answer is Answer.NOT_ASKED and p.why]
    return ContainerView(
        container,
        _autoload(report),
        _wanted(report),
        tuple(_lacks(report, container)),
        tuple(_unseen(report)),
        silent[0] if silent and len(silent) == len(sas) else "",
    )


def lines(inside: ContainerView, width: int) -> list[str]:
    """The block of a report for people."""
    container, wanted = inside.container, ", ".join(inside.wanted)
    rows = [("is", f"{container.kind}: {', '.join(map(_evidence, container.evidence))}")]
    works, why, preload = inside.autoload
    if not wanted:
        rows.append(("autoload", "nothing that is asked for here waits for it"))
    elif works is False:
        rows.append(("autoload", f"brings nothing: {why}"))
        rows.append(("preload", f"{preload or 'impossible'}: {wanted}"))
    else:
        rows.append(("autoload", f"on the host, when the daemon asks: {wanted} ({why})"))
        rows.append(("preload", "nothing, as far as can be seen from here"))
    rows += [("not proven", inside.unproven)] if inside.unproven else []
    rows += [("lacks", f"{lack.what}; {lack.remedy}") for lack in inside.lacks]
    rows += [("users", _users(container))] if container.own_users else []
    rows += [("not seen", text) for text in inside.unseen]
    return ["this container:", *table(rows, indent="  ", width=width)]


def as_data(inside: ContainerView) -> dict[str, Any]:
    """The same for programs."""
    container = inside.container
    return {
        "kind": container.kind,
        "evidence": [evidence._asdict() for evidence in container.evidence],
        "user_namespace": container.own_users,
        "root_is": container.root_is,
        "rootless": container.rootless,
        "autoload": {"works": inside.autoload.works, "why": inside.autoload.why},
        "wanted": list(inside.wanted),
        "preload": list(inside.preload),
        "unproven": inside.unproven,
        "lacks": [lack._asdict() for lack in inside.lacks],
        "unseen": list(inside.unseen),
    }


def _evidence(evidence: Evidence) -> str:
    return f"/{evidence.path}" + (f" ({evidence.said})" if evidence.said else "")


def _users(container: Container) -> str:
    who = "nobody is root in it" if container.root_is is None else f"root is {container.root_is}"
    how = "rootless" if container.rootless else "mapped ids"
    return (
        f"a user namespace of its own ({how}: {who} outside); capabilities count in its own "
        "network namespace, not in the host's"
    )


def _wanted(report: Report) -> tuple[str, ...]:
    """All that needs which are not met yet are seen to lack, in the order of a load."""
    unmet = [j for j in report.verdicts if j.verdict is not Verdict.READY]
    names: dict[str, None] = {}
    for step in report.plan.steps if unmet else ():
        if not step.accelerator:
            names |= dict.fromkeys((*step.dependencies, step.module))
    for resolution in (resolution for judged in unmet for resolution in judged.resolutions):
        if resolution.state not in SERVED and not resolution.accelerator and not resolution.of_card:
            # without a module directory nobody knows which module answers
            name = resolution.module if report.facts.module_index else resolution.request
            names[name or resolution.request] = None
    there = report.facts.modules or {}
    return tuple(name for name in names if name not in there)


def _autoload(report: Report) -> ContainerAutoload:
    facts = report.facts
    missing = {gap.path for gap in facts.unreadable if gap.missing}
    if {"proc/modules", "proc/sys/kernel/modules_disabled"} <= missing:
        return ContainerAutoload(False, "this kernel has no modules, only what is built in", "")
    if facts.modules_disabled:
        return ContainerAutoload(
            False,
            "kernel.modules_disabled is 1: no module until the host reboots",
            "on the host, at its next boot, before it is sealed again",
        )
    path = facts.modprobe_path if facts.static_helper is None else facts.static_helper
    if facts.static_helper == "":
        why = "CONFIG_STATIC_USERMODEHELPER_PATH is empty: the kernel runs no program"
        return ContainerAutoload(False, why)
    if path == "":
        return ContainerAutoload(False, "kernel.modprobe is empty")
    if path is None:
        return ContainerAutoload(None, "kernel.modprobe cannot be read")
    if loads_nothing(path):
        return ContainerAutoload(False, f"kernel.modprobe is {path}")
    static = facts.static_helper is not None
    named = "CONFIG_STATIC_USERMODEHELPER_PATH" if static else "kernel.modprobe"
    proofs = [j.proof for j in report.verdicts if j.proof]
    if any(p.message == NO_SOCKET for p in proofs):
        return ContainerAutoload(
            False,
            f"{path} was run on the host for xfrm_user, and it did not come: a line of its "
            "modprobe.d, no such program, or no module directory of this kernel (upgraded, not "
            "rebooted); only the host can tell which",
        )
    if any(p.answer is Answer.REFUSED for p in proofs):
        return ContainerAutoload(
            False,
            f"{path} was run on the host, and what is needed did not come: an install or "
            "blacklist line of its modprobe.d, or this kernel has no such module; only the host "
            "can tell which",
        )
    if report.autoloaded:
        return ContainerAutoload(True, f"it just did: {', '.join(report.autoloaded)}")
    return ContainerAutoload(None, f"{named} is {path}; whether it may, only the host can tell")


def _lacks(report: Report, container: Container) -> Iterator[MissingRight]:
    if container.may(CAP_NET_ADMIN) is False:
        yield _capability("NET_ADMIN", "no SA can be made", CAP_NET_ADMIN, container)
    if container.may(CAP_NET_BIND_SERVICE) is False:
        first = container.first_port
        open_port = first is not None and first <= _IKE_PORT
        insisting = (d.program for d in DAEMONS.values() if "NET_BIND_SERVICE" in d.insists_on)
        why = (
            f"{' and '.join(insisting)} insists on it, though port 500 is open to all here"
            if open_port
            else "the daemon cannot bind port 500"
        )
        yield _capability("NET_BIND_SERVICE", why, CAP_NET_BIND_SERVICE, container)
    for daemon in dict.fromkeys(asker.daemon for asker in report.demand.askers):
        for name in DAEMONS[daemon].capabilities:
            if container.may(OTHER_CAPABILITIES[name]) is False:
                why = f"{DAEMONS[daemon].program} ends without"
                yield _capability(name, why, OTHER_CAPABILITIES[name], container)
    needs = [j.need for j in report.verdicts]
    tun = any(isinstance(need, FeatureNeed) and need.feature == "tun" for need in needs)
    if tun and container.tun is False:
        yield MissingRight("/dev/net/tun", "run it with --device /dev/net/tun")
    if container.own_users and container.xfrm_sysctls is False:
        yield MissingRight(
            "net.core.xfrm_* are hidden from user namespaces",
            "no --sysctl net.core.xfrm_acq_expires here: the engine would not start it",
        )


def _capability(name: str, why: str, number: int, container: Container) -> MissingRight:
    what = f"CAP_{name}: {why}"
    if container.could(number):
        return MissingRight(what, "the container may have it, this process has not: run it as root")
    if container.kind in _WITH_FLAGS:
        return MissingRight(what, f"run it with --cap-add {name}")
    if container.kind == "kubernetes":
        return MissingRight(what, f"securityContext: {{capabilities: {{add: [{name}]}}}}")
    return MissingRight(what, f"give the container CAP_{name}")


def _unseen(report: Report) -> Iterator[str]:
    ask = "modprobe-ipsec --check on the host tells"
    yield f"the host's modprobe.d, which may forbid any of this; {ask}"
    if any(rule.where.startswith("/") for rule in report.facts.rules):
        yield "the modprobe.d that is read here is the container's own, unless it is mounted"
    if report.facts.module_index is None:
        yield (
            "the host's /lib/modules: what is a module, what is built in and what is missing; "
            "mount it read-only to have the modules named"
        )
