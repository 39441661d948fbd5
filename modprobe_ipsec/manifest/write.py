# SPDX-License-Identifier: GPL-3.0-or-later
"""A host plan -> plain values, which are written as YAML or JSON. `read` is the way back."""

from modprobe_ipsec.catalog.model import KernelInterface
from modprobe_ipsec.manifest.model import (
    VERSION,
    Blocker,
    HostPlan,
    PlannedModule,
    Sysctl,
)
from modprobe_ipsec.manifest.yaml_text import Plain
from modprobe_ipsec.needs.need import AnyNeed, Choice, FeatureNeed, Mode, Source

# The key that shows what kind of file it is; its value is the version of the format.
KIND = "modprobe-ipsec-host-plan"


def plain(plan: HostPlan) -> dict[str, Plain]:
    """The plan in texts, numbers, lists and mappings; empty and false entries are left out."""
    made = plan.made
    return {
        KIND: VERSION,
        "made": _without_empty(
            {
                "by": made.tool,
                "kernel": made.kernel,
                "arch": made.arch,
                "root": made.root,
                "container": made.container,
                "configs": list(made.configs),
            }
        ),
        "needs": [
            {**_need(planned.need), "verdict": str(planned.verdict)} for planned in plan.needs
        ],
        "modules": [_module(module) for module in plan.modules],
        "sysctls": [_sysctl(sysctl) for sysctl in plan.sysctls],
        "container": {
            "capabilities": list(plan.container.capabilities),
            "devices": list(plan.container.devices),
            "ports": list(plan.container.ports),
        },
        "blockers": [_blocker(blocker) for blocker in plan.blockers],
    }


def _without_empty(values: dict[str, Plain]) -> dict[str, Plain]:
    return {key: value for key, value in values.items() if value not in ("", [], False)}


def _need(need: AnyNeed) -> dict[str, Plain]:
    sources: Plain = [_source(source) for source in need.sources]
    if isinstance(need, FeatureNeed):
        return _without_empty(
            {"feature": need.feature, "family": str(need.family or ""), "from": sources}
        )
    suite = need.suite
    return _without_empty(
        {
            "protocol": str(suite.protocol),
            "family": str(need.family),
            "mode": "" if need.mode is Mode.TUNNEL else str(need.mode),
            "interface": "" if need.interface is KernelInterface.XFRM else str(need.interface),
            "encryption": _choice(suite.encryption),
            "integrity": _choice(suite.integrity),
            "esn": suite.esn,
            "from": sources,
        }
    )


def _choice(choice: Choice | None) -> Plain:
    if choice is None:
        return ""
    return {"transform": choice.transform.name, "key_bits": choice.key_bits}


def _source(source: Source) -> dict[str, Plain]:
    entry = _without_empty(
        {
            "where": source.where,
            "text": source.text,
            "daemon": str(source.daemon or ""),
            "forwards": [str(family) for family in source.forwards],
        }
    )
    if not source.offered:
        entry["offered"] = False
    return entry


def _module(module: PlannedModule) -> dict[str, Plain]:
    entry = _without_empty(
        {"name": module.name, "request": module.request, "state": str(module.state)}
    )
    if module.autoload is not None:
        entry["autoload"] = module.autoload
    rest: dict[str, Plain] = {
        "accelerator": module.accelerator,
        "after": list(module.after),
        "why": module.why,
    }
    return entry | _without_empty(rest)


def _sysctl(sysctl: Sysctl) -> dict[str, Plain]:
    return _without_empty(
        {
            "key": sysctl.key,
            "value": sysctl.value,
            "where": str(sysctl.where),
            "optional": sysctl.optional,
            "hidden_in_user_namespace": sysctl.hidden_in_userns,
            "why": sysctl.why,
        }
    )


def _blocker(blocker: Blocker) -> dict[str, Plain]:
    return _without_empty(
        {
            "kind": str(blocker.kind),
            "module": blocker.module,
            "text": blocker.text,
            "remedy": blocker.remedy,
        }
    )
