# SPDX-License-Identifier: GPL-3.0-or-later
"""All formats by name, each with its writer."""

from collections.abc import Callable, Mapping

from modprobe_ipsec.manifest import write
from modprobe_ipsec.manifest.containers import system_containers
from modprobe_ipsec.manifest.engines import engines
from modprobe_ipsec.manifest.hosts import carriers, immutable, systemd
from modprobe_ipsec.manifest.kubernetes import kubernetes
from modprobe_ipsec.manifest.model import HostPlan, ManifestFile, ManifestOptions

Writer = Callable[[HostPlan, ManifestOptions], tuple[ManifestFile, ...]]

FORMATS: Mapping[str, Writer] = {
    "yaml": write.as_yaml,
    "json": write.as_json,
    "systemd": systemd.write,
    "docker": engines.docker,
    "compose": engines.compose,
    "quadlet": engines.quadlet,
    "kubernetes": kubernetes.write,
    "cdi": engines.cdi,
    "incus": system_containers.incus,
    "lxc": system_containers.lxc,
    "proxmox": system_containers.proxmox,
    "cloud-init": carriers.cloud_init,
    "ignition": carriers.ignition,
    "machineconfig": carriers.machine_config,
    "ansible": carriers.ansible,
    "containerfile": carriers.containerfile,
    "nfd": kubernetes.node_feature_rule,
    "talos": immutable.talos,
    "bottlerocket": immutable.bottlerocket,
    "nixos": immutable.nixos,
}
