# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest with Ansible: the playbook of --manifest, on a host without autoload.

First where it cannot succeed, then where it can, then once more.

Only observes, and prints JSON; the verdicts are reached on the host. Debian's own Python runs this,
without the project.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

FORBIDDEN = Path("/etc/modprobe.d/forbidden.conf")
AUTOLOAD = Path("/proc/sys/kernel/modprobe")
FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
UNIT = "modprobe-ipsec-host.service"
# Without network there is no other host to reach; one process less for each module.
ANSIBLE = {"ANSIBLE_PIPELINING": "1", "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3"}
PLAY = ("ansible-playbook", "-i", "localhost,", "-c", "local", "/made/ansible/playbook.yml")


def run(*command: str) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **ANSIBLE})
    return {"status": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def host() -> dict[str, Any]:
    """What there is on this host by now."""
    check = run("modprobe-ipsec", "--check", "--format", "json")
    return {
        "check": check["status"],
        "needs": [need["verdict"] for need in json.loads(check["stdout"])["needs"]],
        "modules": [line.split()[0] for line in Path("/proc/modules").read_text().splitlines()],
        "autoload": AUTOLOAD.read_text().strip(),
        "forward": FORWARD.read_text().strip(),
        "unit": [
            run("systemctl", ask, UNIT)["stdout"].strip() for ask in ("is-enabled", "is-active")
        ],
    }


def main() -> None:
    AUTOLOAD.write_text("\n")
    Path("/made").mkdir()
    said: dict[str, Any] = {"before": host()}
    for format in ("ansible", "systemd"):
        said[format] = run("modprobe-ipsec", "--manifest", format, "--output", f"/made/{format}")
    FORBIDDEN.write_text("install esp4 /bin/false\n")
    said["forbidden"], said["meanwhile"] = run(*PLAY), host()
    FORBIDDEN.unlink()
    said["first"], said["after"] = run(*PLAY), host()
    said["second"] = run(*PLAY)
    # what the playbook carries is what the bundle is
    bundle = Path("/made/systemd")
    said["files"] = {
        str(place): [path.read_text(), place.read_text() if place.exists() else None]
        for path in sorted(bundle.rglob("*"))
        if path.is_file() and (place := Path("/", path.relative_to(bundle)))
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
