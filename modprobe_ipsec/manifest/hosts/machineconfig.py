# SPDX-License-Identifier: GPL-3.0-or-later
"""A MachineConfig of OpenShift, which carries a configuration for Ignition.

source: openshift/api payload-manifests/crds, machineconfigs
"""

from modprobe_ipsec.manifest.hosts.ignition import document
from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.words import NAME, head
from modprobe_ipsec.manifest.yaml_text import Plain, dump

# Read by OpenShift since 4.8.
IGNITION = "3.2.0"


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A MachineConfig of OpenShift for its workers."""
    resource: dict[str, Plain] = {
        "apiVersion": "machineconfiguration.openshift.io/v1",
        "kind": "MachineConfig",
        "metadata": {
            "name": f"99-worker-{NAME}",
            "labels": {"machineconfiguration.openshift.io/role": "worker"},
        },
        "spec": {"config": document(plan, options, IGNITION)},
    }
    return (ManifestFile("machineconfig.yaml", head(plan) + dump(resource)),)


FORMAT = Format("a MachineConfig for the workers of OpenShift", write)
