# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook for Ansible, which only carries the bundle for systemd.

source: docs.ansible.com ansible.builtin: copy, file, systemd_service
"""

from modprobe_ipsec.manifest.hosts import systemd
from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.words import UNIT, head
from modprobe_ipsec.manifest.yaml_text import Plain, dump

SYSCTL_HANDLER = "Set the sysctls now"


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A playbook that needs no collection but ansible.builtin, and no facts."""
    files = systemd.write(plan, options)
    owner: dict[str, Plain] = {"owner": "root", "group": "root"}
    directories = sorted({file.path.rpartition("/")[0] for file in files})
    copy: dict[str, Plain] = {
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
        copy,
    ]
    if systemd.has_unit(files):
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
        copy["notify"] = SYSCTL_HANDLER
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


FORMAT = Format("a playbook for Ansible", write)
