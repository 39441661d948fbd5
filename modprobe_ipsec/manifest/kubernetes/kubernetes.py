# SPDX-License-Identifier: GPL-3.0-or-later
"""For Kubernetes: who loads the modules on each node, and what the daemon's pod gets.

source: Kubernetes API v1.25-1.37
"""

from modprobe_ipsec.manifest.model import (
    Format,
    HostPlan,
    ManifestFile,
    ManifestOptions,
    PlannedModule,
)
from modprobe_ipsec.manifest.selection import load_arguments, sysctl_notes, sysctl_values, to_load
from modprobe_ipsec.manifest.words import (
    IMAGE,
    LABEL,
    LOAD_SCRIPT,
    comment,
    head,
    left_out,
    told_in_a_container,
)
from modprobe_ipsec.manifest.yaml_text import Plain, dump

LOADER = "ipsec-host-modules"
KMOD_IMAGE = "example.org/kmod:1"
PAUSE_IMAGE = "example.org/pause:3"
# What modprobe reads on the host besides the modules: everybody's rules (modprobe.d(5); /lib is
# /usr/lib where there are containers).
RULES = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d")


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A DaemonSet that loads, and a pod for the daemon."""
    modules = to_load(plan, options)
    top = head(plan) + comment(left_out(plan, modules))
    files = [ManifestFile("pod.yaml", top + comment(_pod_notes(plan)) + dump(_pod(plan)))]
    if modules:
        note = f"{KMOD_IMAGE} stands for an image with /bin/sh and kmod, {PAUSE_IMAGE} for any"
        text = top + comment([f"{note} that waits."]) + dump(_daemon_set(modules))
        files.insert(0, ManifestFile("daemonset.yaml", text))
    return tuple(files)


def _daemon_set(modules: tuple[PlannedModule, ...]) -> dict[str, Plain]:
    volumes: list[Plain] = [
        {"name": "modules", "hostPath": {"path": "/lib/modules", "type": "Directory"}}
    ]
    mounts: list[Plain] = [{"name": "modules", "mountPath": "/lib/modules", "readOnly": True}]
    for number, path in enumerate(RULES):
        source: dict[str, Plain] = {"path": path, "type": "DirectoryOrCreate"}
        volumes.append({"name": f"rules-{number}", "hostPath": source})
        mounts.append({"name": f"rules-{number}", "mountPath": path, "readOnly": True})
    load: dict[str, Plain] = {
        "name": "load",
        "image": KMOD_IMAGE,
        "command": ["/bin/sh", "-c", LOAD_SCRIPT, LOADER, *load_arguments(modules)],
        "securityContext": {
            "runAsUser": 0,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": ["SYS_MODULE"]},
        },
        "volumeMounts": mounts,
    }
    pause: dict[str, Plain] = {
        "name": "pause",
        "image": PAUSE_IMAGE,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65535,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    spec: dict[str, Plain] = {
        "tolerations": [{"operator": "Exists"}],
        "initContainers": [load],
        "containers": [pause],
        "volumes": volumes,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": LOADER, "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": {"app": LOADER}},
            "template": {"metadata": {"labels": {"app": LOADER}}, "spec": spec},
        },
    }


def _pod(plan: HostPlan) -> dict[str, Plain]:
    container = plan.container
    numbers = (port.split("/") for port in container.ports)
    ports: list[Plain] = [{"containerPort": int(n), "protocol": p.upper()} for n, p in numbers]
    sysctls: list[Plain] = [
        {"name": key, "value": value} for key, value in sysctl_values(plan).items()
    ]
    security: dict[str, Plain] = {"seccompProfile": {"type": "RuntimeDefault"}}
    if sysctls:
        security["sysctls"] = sysctls
    daemon: dict[str, Plain] = {
        "name": "ike",
        "image": IMAGE,
        "ports": ports,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": list(container.capabilities)},
        },
    }
    metadata: dict[str, Plain] = {"name": "ike", "labels": {f"{LABEL}.daemon": "true"}}
    spec: dict[str, Plain] = {"securityContext": security, "containers": [daemon]}
    if container.devices:
        mounts: list[Plain] = []
        volumes: list[Plain] = []
        for number, path in enumerate(container.devices):
            name = f"device-{number}"
            mounts.append({"name": name, "mountPath": path})
            volumes.append({"name": name, "hostPath": {"path": path, "type": "CharDevice"}})
        daemon["volumeMounts"] = mounts
        spec["volumes"] = volumes
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _pod_notes(plan: HostPlan) -> list[str]:
    notes = [f"{IMAGE} stands for the daemon's own image."]
    if unsafe := ",".join(sysctl_values(plan)):
        notes.append(f"The kubelet must allow the sysctls: --allowed-unsafe-sysctls={unsafe}")
        notes += sysctl_notes(plan)
    notes.append("Without hostNetwork most networks carry no ESP: force UDP encapsulation.")
    if plan.container.devices:
        notes.append(
            "A device of the host needs a device plugin where the runtime filters devices."
        )
    return notes + told_in_a_container(plan)


FORMAT = Format("a DaemonSet that loads, and a pod for the daemon", write, names_only=True)
