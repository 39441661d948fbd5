# SPDX-License-Identifier: GPL-3.0-or-later
"""User data for cloud-init, which only carries the bundle for systemd.

source: cloudinit.readthedocs.io reference/modules
"""

from modprobe_ipsec.manifest.hosts import systemd
from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.words import UNIT, head
from modprobe_ipsec.manifest.yaml_text import Plain, dump


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
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
    if systemd.has_unit(files):
        commands.append(["systemctl", "enable", "--now", UNIT])
    text = f"#cloud-config\n{head(plan)}" + dump({"write_files": entries, "runcmd": commands})
    return (ManifestFile("user-data.yaml", text),)


FORMAT = Format("user data for cloud-init", write)
