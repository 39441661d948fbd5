# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings files to a host: each of these only wraps the bundle for systemd.

source: cloudinit.readthedocs.io, coreos.github.io/ignition/configuration-v3_3, openshift/api
"""

import json

from modprobe_ipsec.manifest.hosts import systemd
from modprobe_ipsec.manifest.model import HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.plain_yaml import Plain, dump
from modprobe_ipsec.manifest.words import NAME, UNIT, head

# Read by every current Fedora CoreOS and Flatcar; by OpenShift since 4.8.
IGNITION = "3.3.0"
MACHINE_CONFIG_IGNITION = "3.2.0"
SYSCTL_HANDLER = "Set the sysctls now"

# Where an image of a distribution keeps what an administrator has in /etc.
_VENDOR = {
    "etc/modules-load.d/": "usr/lib/modules-load.d/",
    "etc/modprobe.d/": "usr/lib/modprobe.d/",
    "etc/sysctl.d/": "usr/lib/sysctl.d/",
    "etc/systemd/system/": "usr/lib/systemd/system/",
}


def cloud_init(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """User data for cloud-init."""
    files = systemd.write(plan, options)
    entries: list[Plain] = [
        {"path": f"/{file.path}", "permissions": f"{file.mode:04o}", "content": file.text}
        for file in files
    ]
    commands: list[Plain] = [
        ["systemctl", "daemon-reload"],
        ["systemctl", "restart", "systemd-modules-load.service"],
        ["systemctl", "restart", "systemd-sysctl.service"],
    ]
    if _has_unit(files):
        commands.append(["systemctl", "enable", "--now", UNIT])
    text = f"#cloud-config\n{head(plan)}" + dump({"write_files": entries, "runcmd": commands})
    return (ManifestFile("user-data.yaml", text),)


def ignition(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A configuration for Ignition. It has no place for comments; the files in it have theirs."""
    return (
        ManifestFile(
            f"{NAME}.ign", json.dumps(_ignition(plan, options, IGNITION), indent=2) + "\n"
        ),
    )


def machine_config(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A MachineConfig of OpenShift for its workers."""
    document: dict[str, Plain] = {
        "apiVersion": "machineconfiguration.openshift.io/v1",
        "kind": "MachineConfig",
        "metadata": {
            "name": f"99-worker-{NAME}",
            "labels": {"machineconfiguration.openshift.io/role": "worker"},
        },
        "spec": {"config": _ignition(plan, options, MACHINE_CONFIG_IGNITION)},
    }
    return (ManifestFile("machineconfig.yaml", head(plan) + dump(document)),)


def ansible(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A playbook that needs no collection but ansible.builtin, and no facts."""
    files = systemd.write(plan, options)
    owner: dict[str, Plain] = {"owner": "root", "group": "root"}
    directories = sorted({file.path.rpartition("/")[0] for file in files})
    write: dict[str, Plain] = {
        "name": "Write the files",
        "ansible.builtin.copy": {
            "dest": "{{ item.dest }}",
            "content": "{{ item.content }}",
            **owner,
            "mode": "0644",
        },
        "loop": [{"dest": f"/{file.path}", "content": file.text} for file in files],
        "loop_control": {"label": "{{ item.dest }}"},
        "register": "files",
    }
    tasks: list[Plain] = [
        {
            "name": "Make the directories",
            "ansible.builtin.file": {
                "path": "{{ item }}",
                "state": "directory",
                **owner,
                "mode": "0755",
            },
            "loop": [f"/{path}" for path in directories],
        },
        write,
    ]
    if _has_unit(files):
        tasks.append(
            {
                "name": "Load the modules now and at each boot",
                "ansible.builtin.systemd_service": {
                    "name": UNIT,
                    "daemon_reload": True,
                    "enabled": True,
                    # on a host where it has run, new modules are loaded as well
                    "state": "{{ 'restarted' if files is changed else 'started' }}",
                },
            }
        )
    play: dict[str, Plain] = {
        "name": "Host side of IPsec in containers",
        "hosts": "all",
        "become": True,
        # gathering them would take as long as all else
        "gather_facts": False,
        "tasks": tasks,
    }
    if any(file.path == systemd.SYSCTL_D for file in files):
        write["notify"] = SYSCTL_HANDLER
        # even if the unit fails: a second run finds the files as they are, and tells nobody
        play["force_handlers"] = True
        play["handlers"] = [
            {
                "name": SYSCTL_HANDLER,
                "ansible.builtin.systemd_service": {
                    "name": "systemd-sysctl.service",
                    "state": "restarted",
                },
            }
        ]
    # what the files hold is as wide as it is
    width = "# yamllint disable rule:line-length\n"
    return (ManifestFile("playbook.yml", f"---\n{head(plan)}{width}" + dump([play])),)


def containerfile(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A layer for an image that hosts boot (bootc), with the files beside it."""
    files = tuple(file._replace(path=_vendor(file.path)) for file in systemd.write(plan, options))
    lines = ["ARG BASE\n", "FROM ${BASE}\n"]
    lines += [f"COPY {file.path} /{file.path}\n" for file in files]
    if _has_unit(files):
        lines.append(f"RUN systemctl enable {UNIT}\n")
    build = "# Build it with the image that the hosts boot: podman build --build-arg BASE=IMAGE .\n"
    return (ManifestFile("Containerfile", head(plan) + build + "".join(lines)), *files)


def _vendor(path: str) -> str:
    for place, vendor in _VENDOR.items():
        if path.startswith(place):
            return vendor + path.removeprefix(place)
    return path


def _has_unit(files: tuple[ManifestFile, ...]) -> bool:
    return any(file.path.endswith(f"/{UNIT}") for file in files)


def _ignition(plan: HostPlan, options: ManifestOptions, version: str) -> dict[str, Plain]:
    # part of urllib, which costs; only here
    from urllib.parse import quote

    files = systemd.write(plan, options)
    storage: list[Plain] = [
        {
            "path": f"/{file.path}",
            "mode": file.mode,
            "overwrite": True,
            "contents": {"source": f"data:,{quote(file.text)}"},
        }
        for file in files
        if file.path != systemd.UNIT_PATH
    ]
    units: list[Plain] = [
        {"name": UNIT, "enabled": True, "contents": file.text}
        for file in files
        if file.path == systemd.UNIT_PATH
    ]
    document: dict[str, Plain] = {"ignition": {"version": version}, "storage": {"files": storage}}
    return document | ({"systemd": {"units": units}} if units else {})
