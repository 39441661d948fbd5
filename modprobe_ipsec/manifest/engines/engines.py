# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon's container for Docker, Podman, Compose and Quadlet; its modules through CDI.

source: docker-run(1), compose-spec, podman-systemd.unit(5), container-device-interface SPEC.md
"""

import json

from modprobe_ipsec.base.errors import UsageError
from modprobe_ipsec.manifest.hosts.systemd import sysctl_values
from modprobe_ipsec.manifest.model import HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.plain_yaml import Plain, dump
from modprobe_ipsec.manifest.words import (
    IMAGE,
    LABEL,
    LOAD_SCRIPT,
    NAME,
    UNIT,
    clean,
    comment,
    head,
    left_out,
    made_by,
    named,
    split_off_faster,
    to_load,
    without_audit,
)

CDI_KIND = "modprobe-ipsec.io/host"
CDI_DEVICE = f"{CDI_KIND}=modules"
CDI_ENVIRONMENT = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

_NAT = (
    "ESP itself cannot be published: without the host's own network, or one that carries ESP,",
    "let the daemon force UDP encapsulation (ipsec.conf encapsulation=yes, swanctl.conf encap=yes)",
    "With the host's own network leave ports and sysctls out: engines refuse them there, and",
    "--manifest systemd sets the sysctls on the host",
)


def docker(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """Flags for `docker run` and `podman run`, which have the same."""
    words = ["--cap-drop ALL"]
    words += [f"--cap-add {capability}" for capability in plan.container.capabilities]
    words.append("--security-opt no-new-privileges")
    words += [f"--device {device}" for device in plan.container.devices]
    words += [f"-p {_published(port)}" for port in plan.container.ports]
    words += [f"--sysctl {key}={value}" for key, value in sysctl_values(plan).items()]
    if to_load(plan, options):
        words.append(f"--device {CDI_DEVICE}")
    lines = " \\\n    ".join(["docker run -d", *words, IMAGE])
    return (
        ManifestFile(
            "docker-run.sh", _top(plan, options) + comment(without_audit(plan)) + f"{lines}\n"
        ),
    )


def compose(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A service for Compose."""
    container = plan.container
    modules = to_load(plan, options)
    sysctls: dict[str, Plain] = {**sysctl_values(plan)}
    service: dict[str, Plain] = {
        "image": IMAGE,
        "cap_drop": ["ALL"],
        "cap_add": list(container.capabilities),
        "security_opt": ["no-new-privileges:true"],
        "ports": [_published(port) for port in container.ports],
    }
    if sysctls:
        service["sysctls"] = sysctls
    if container.devices:
        service["devices"] = list(container.devices)
    if modules:
        labels: dict[str, Plain] = {f"{LABEL}.modules": " ".join(m.label for m in modules)}
        service["labels"] = labels
        # not `devices:`, which Compose before 2.40 does not take a CDI name in
        cdi: Plain = {"driver": "cdi", "capabilities": ["cdi"], "device_ids": [CDI_DEVICE]}
        service["deploy"] = {"resources": {"reservations": {"devices": [cdi]}}}
    text = _top(plan, options) + comment(without_audit(plan)) + dump({"services": {"ike": service}})
    return (ManifestFile("compose.yaml", text),)


def quadlet(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A unit for Podman's Quadlet."""
    container = plan.container
    modules = to_load(plan, options)
    lines = ["[Unit]", "Description=IKE daemon"]
    if modules:
        lines += [f"Requires={UNIT}", f"After={UNIT}"]
    lines += ["", "[Container]", f"Image={IMAGE}", "DropCapability=all"]
    lines += [f"AddCapability={' '.join(container.capabilities)}", "NoNewPrivileges=true"]
    lines += [f"AddDevice={device}" for device in container.devices]
    lines += [f"PublishPort={_published(port)}" for port in container.ports]
    lines += [f"Sysctl={key}={value}" for key, value in sysctl_values(plan).items()]
    lines += ["", "[Install]", "WantedBy=multi-user.target"]
    how = f"{UNIT} is in --manifest systemd; or, instead of it: AddDevice={CDI_DEVICE}"
    text = _top(plan, options, how) + "".join(f"{line}\n" for line in lines)
    return (ManifestFile("etc/containers/systemd/ike.container", text),)


def cdi(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A device that loads the modules before the container starts, or does not let it start."""
    modules = named(plan, options, "cdi")
    if not modules:
        raise UsageError("nothing has to be loaded beforehand here", "with --preload, all is")
    faster, needed = split_off_faster(modules)
    hook: dict[str, Plain] = {
        "hookName": "createRuntime",
        "path": "/bin/sh",
        "args": ["sh", "-c", LOAD_SCRIPT, NAME, *faster, "--", *needed],
        # no place for a comment in JSON
        "env": [CDI_ENVIRONMENT, f"MADE={clean(made_by(plan))}"],
        "timeout": 30,
    }
    document: dict[str, Plain] = {
        "cdiVersion": "0.5.0",
        "kind": CDI_KIND,
        "devices": [{"name": "modules", "containerEdits": {"hooks": [hook]}}],
    }
    return (ManifestFile(f"etc/cdi/{NAME}.json", json.dumps(document, indent=2) + "\n"),)


def _published(port: str) -> str:
    return f"{port.partition('/')[0]}:{port}"


def _top(plan: HostPlan, options: ManifestOptions, how: str = "") -> str:
    """The head of a file about the daemon's container, which loads nothing itself."""
    modules = [m.label for m in to_load(plan, options)]
    lines = [f"{IMAGE} stands for the daemon's own image."]
    if modules:
        lines.append(f"The host must load: {' '.join(modules)}")
        lines.append(how or f"{CDI_DEVICE} does that: --manifest cdi; so does --manifest systemd")
    return head(plan) + comment([*left_out(plan, to_load(plan, options)), *lines, *_NAT])
