# SPDX-License-Identifier: GPL-3.0-or-later
"""A service for Compose.

source: compose-spec
"""

from modprobe_ipsec.manifest.engines._common import heading, published
from modprobe_ipsec.manifest.engines.cdi import DEVICE
from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.selection import sysctl_values, to_load
from modprobe_ipsec.manifest.words import IMAGE, LABEL, comment, told_in_a_container
from modprobe_ipsec.manifest.yaml_text import Plain, dump


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A service for Compose."""
    container = plan.container
    modules = to_load(plan, options)
    sysctls: dict[str, Plain] = {**sysctl_values(plan)}
    service: dict[str, Plain] = {
        "image": IMAGE,
        "cap_drop": ["ALL"],
        "cap_add": list(container.capabilities),
        "security_opt": ["no-new-privileges:true"],
        "ports": [published(port) for port in container.ports],
    }
    if sysctls:
        service["sysctls"] = sysctls
    if container.devices:
        service["devices"] = list(container.devices)
    if modules:
        labels: dict[str, Plain] = {f"{LABEL}.modules": " ".join(m.label for m in modules)}
        service["labels"] = labels
        # not `devices:`, which Compose before 2.40 does not take a CDI name in
        cdi: Plain = {"driver": "cdi", "capabilities": ["cdi"], "device_ids": [DEVICE]}
        service["deploy"] = {"resources": {"reservations": {"devices": [cdi]}}}
    text = (
        heading(plan, options)
        + comment(told_in_a_container(plan))
        + dump({"services": {"ike": service}})
    )
    return (ManifestFile("compose.yaml", text),)


FORMAT = Format("a service for Compose", write)
